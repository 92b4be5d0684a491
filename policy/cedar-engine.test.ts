import { describe, expect, it } from 'vitest';
import type { Actor, PrincipalKind } from '../ontology/authority.ts';
import type { PolicyRequest, PolicySet, PolicyVocabulary } from '../ontology/policy-engine.ts';
import { CedarEngine } from './cedar-engine.ts';
import { checkPolicies } from './check-policies.ts';
import { decide } from './decide.ts';
import { defaultPolicies } from './default-policies.ts';

const vocabulary: PolicyVocabulary = {
  actionTypes: ['closeRoom'],
  objectTypes: ['room'],
  sensitive: ['room.note'],
  amounts: ['minutes'],
  attributes: {
    room: [
      ['heated', 'boolean'],
      ['seats', 'number'],
      ['status', 'text'],
    ],
  },
  values: { room: { status: ['closed', 'open'] } },
  endpoints: ['caretaker'],
};
const nothing: PolicyVocabulary = {
  actionTypes: [],
  objectTypes: [],
  sensitive: [],
  amounts: [],
  attributes: {},
  values: {},
  endpoints: [],
};
const now = '2026-01-01T00:00:00.000Z';
const plan = {
  riskTier: 'low' as const,
  edits: { create: 0, modify: 2, delete: 0, link: 0, unlink: 0 },
  objectTypes: ['room'],
  sensitive: [],
  amounts: { minutes: 30 },
  touches: {
    room: {
      objects: 2,
      ids: ['r1', 'r2'],
      cut: false,
      before: { status: ['open'], heated: [true], seats: { least: 3, most: 40 } },
      after: { status: ['closed'], heated: [true], seats: { least: 3, most: 40 } },
    },
  },
  effects: {
    count: 1,
    irreversible: true,
    kinds: ['webhook' as const],
    endpoints: ['caretaker'],
    hosts: ['caretaker.example'],
  },
};
const execute: PolicyRequest = {
  principal: { id: 'anna', kind: 'user', roles: ['keeper'], teams: ['blue'], actsFor: null },
  action: 'execute',
  resource: 'closeRoom',
  context: { now, plan, proposer: { id: 'anna', kind: 'user' }, approvals: 1 },
};
const permitAll = 'permit (principal, action, resource);';
const forbidIf = (condition: string) => `forbid (principal, action == Action::"execute", resource) when { ${condition} };`;
const setOf = (policies: Record<string, string>): PolicySet => ({ key: JSON.stringify(policies), policies });
const engine = new CedarEngine();
const outcome = (condition: string) => engine.decide(setOf({ all: permitAll, it: forbidIf(condition) }), execute);

describe('the default policies', () => {
  const kinds: PrincipalKind[] = ['user', 'agent', 'service'];
  const roles = [[], ['auditor'], ['auditor', 'keeper'], ['keeper'], ['ontology-admin'], ['operator'], ['access-admin']];
  const everybody = kinds.flatMap((kind) => roles.map((held) => ({ kind, held, name: `${kind} with ${held.join(' and ') || 'no role'}` })));
  const ask = (actor: Actor, action: PolicyRequest['action'], resource: string) =>
    engine.decide(defaultPolicies, { principal: actor, action, resource, context: { now, revert: false } }).decision === 'allow';

  it('are valid for every ontology', () => {
    expect(checkPolicies(defaultPolicies.policies, vocabulary)).toEqual([]);
    expect(checkPolicies(defaultPolicies.policies, nothing)).toEqual([]);
  });

  it('ask nothing of the context, so that one answer holds at every instant', () => {
    expect(Object.entries(defaultPolicies.policies).filter(([, text]) => /\bcontext\b/.test(text))).toEqual([]);
  });

  it.each(everybody)('let a $name do what the gate lets them do', ({ kind, held }) => {
    const actor: Actor = { id: 'a', kind, roles: held, actsFor: null, disabled: false, person: 'a', teams: [] };
    expect(ask(actor, 'see', '')).toBe(decide({ action: 'read', actor }).allowed);
    expect(ask(actor, 'propose', 'closeRoom')).toBe(decide({ action: 'proposal:create', actor, proposers: null }).allowed);
    expect(ask(actor, 'administer', 'ontology')).toBe(decide({ action: 'ontology:put', actor }).allowed);
    expect(ask(actor, 'administer', 'switches')).toBe(decide({ action: 'switch:put', actor, off: true }).allowed);
    const subject = { id: 'b', person: 'b' };
    expect(ask(actor, 'administer', 'principals')).toBe(decide({ action: 'principal:put', actor, subject }).allowed);
    expect(ask(actor, 'review', 'closeRoom')).toBe(kind === 'user' && held.length > 0);
    expect(ask(actor, 'override', 'closeRoom')).toBe(kind === 'user' && held.length > 0);
  });
});

describe('a decision', () => {
  it('names the policies that determined it', () => {
    expect(engine.decide(setOf({ all: permitAll, more: permitAll }), execute)).toEqual({
      decision: 'allow',
      policies: ['all', 'more'],
      errors: [],
    });
    expect(outcome('context.plan.edits.total > 1')).toEqual({ decision: 'deny', policies: ['it'], errors: [] });
    expect(engine.decide(setOf({ it: forbidIf('true') }), { ...execute, action: 'see', resource: '' })).toEqual({
      decision: 'deny',
      policies: [],
      errors: [],
    });
  });

  it.each([
    ['roles', 'principal in Role::"keeper"', 'deny'],
    ['teams', 'principal.teams.contains("red")', 'allow'],
    ['object types', 'context.plan.objectTypes.contains(ObjectType::"room")', 'deny'],
    ['sensitive properties', '!context.plan.sensitive.isEmpty()', 'allow'],
    ['amounts', 'context.plan.amounts has minutes && context.plan.amounts.minutes > 29', 'deny'],
    ['approvals', 'context.approvals < 2', 'deny'],
    ['ids of touched objects', 'context.plan.touches has room && context.plan.touches.room.ids.contains("r2")', 'deny'],
    [
      'what touched objects were',
      'context.plan.touches has room.before.status && context.plan.touches.room.before.status.contains("closed")',
      'allow',
    ],
    [
      'what touched objects become',
      'context.plan.touches has room.after.status && context.plan.touches.room.after.status.contains("closed")',
      'deny',
    ],
    ['truth values', 'context.plan.touches has room.before.heated && context.plan.touches.room.before.heated.contains(false)', 'allow'],
    ['bounds of numbers', 'context.plan.touches has room.after.seats && context.plan.touches.room.after.seats.most > 39', 'deny'],
    [
      'how many are touched',
      'context.plan.touches has room && (context.plan.touches.room.objects > 2 || context.plan.touches.room.cut)',
      'allow',
    ],
    ['what is not taken back', 'context.plan.effects.irreversible', 'deny'],
    ['where effects go', 'context.plan.effects.endpoints.contains(Endpoint::"caretaker")', 'deny'],
    ['the hosts that effects reach', 'context.plan.effects.hosts.contains("elsewhere.example")', 'allow'],
    ['kinds of effects', 'context.plan.effects.count > 0 && context.plan.effects.kinds == ["webhook"]', 'deny'],
    ['time', 'context.now > datetime("2026-06-01")', 'allow'],
    ['the action type', 'resource == ActionType::"closeRoom"', 'deny'],
  ])('may go by %s', (_name, condition, expected) => {
    expect(checkPolicies({ it: forbidIf(condition) }, vocabulary)).toEqual([]);
    expect(outcome(condition).decision).toBe(expected);
  });

  it('is a deny where a policy cannot be computed, though another permits', () => {
    const { decision, policies, errors } = outcome('context.plan.edits.total * 9223372036854775807 > 3');
    expect({ decision, policies }).toEqual({ decision: 'deny', policies: ['it'] });
    expect(errors[0]).toMatch(/overflow/);
  });

  it('is a deny where the policies cannot be parsed', () => {
    expect(engine.decide(setOf({ it: 'permit (' }), execute).decision).toBe('deny');
  });

  it('is a deny where the engine traps, and the next one is answered as ever', () => {
    const trap = setOf({ all: permitAll, it: forbidIf(`${'('.repeat(3_000)}true${')'.repeat(3_000)}`) });
    expect(engine.decide(trap, execute)).toMatchObject({
      decision: 'deny',
      policies: [],
      errors: [expect.stringMatching(/^the engine failed/)],
    });
    expect(engine.decide(setOf({ all: permitAll }), execute).decision).toBe('allow');
  });

  it('stays the same while more sets are in use than the engine remembers', () => {
    for (let at = 0; at < 250; at++) {
      const answer = engine.decide(setOf({ [`p${at}`]: permitAll }), execute);
      expect(answer.policies).toEqual([`p${at}`]);
    }
    expect(engine.decide(setOf({ p3: permitAll }), execute).policies).toEqual(['p3']);
  });

  it('goes by no other set where one in between could not be parsed', () => {
    const forbidding = Array.from({ length: 100 }, (_, at) => setOf({ [`f${at}`]: forbidIf('true') }));
    const ask = (set: PolicySet) => engine.decide(set, execute);
    for (const set of forbidding) ask(set);
    ask(setOf({ it: 'permit (principal' }));
    ask(setOf({ theirs: permitAll }));
    for (const [at, set] of [...forbidding.entries()].reverse()) {
      expect(ask(set)).toEqual({ decision: 'deny', policies: [`f${at}`], errors: [] });
    }
  });
});

describe('the check of policies that somebody sends', () => {
  const faults = (policies: Record<string, string>) =>
    checkPolicies(policies, vocabulary).map(({ pointer, message }) => `${pointer}: ${message}`);

  it.each([
    ['a text that is no policy', { it: 'permit (' }, /^\/policies\/it: .*unexpected end of input/],
    ['two policies under one id', { it: `${permitAll} ${permitAll}` }, /^\/policies\/it: /],
    ['an attribute that there is not', { it: forbidIf('context.weather') }, /^\/policies\/it: .*`weather`/],
    ['an attribute that may be absent', { it: forbidIf('context.plan.amounts.minutes > 3') }, /^\/policies\/it: .*presence/],
    [
      'an action type that there is not',
      { it: 'permit (principal, action, resource == ActionType::"closeroom");' },
      /^\/policies\/it: .*closeroom/,
    ],
    [
      'an object type that there is not',
      { it: forbidIf('context.plan.objectTypes.contains(ObjectType::"rooms")') },
      /^\/policies\/it: .*rooms/,
    ],
    [
      'a property that touched objects do not have',
      {
        it: forbidIf(
          'context.plan.touches has room.after.colour && context.plan.touches.room.after.colour.contains("red") || context.plan.touches has room && context.plan.touches.room.after.colour.isEmpty()',
        ),
      },
      /^\/policies\/it: .*colour/,
    ],
    [
      'a property that may be absent',
      { it: forbidIf('context.plan.touches has room && context.plan.touches.room.after.status.contains("x")') },
      /^\/policies\/it: .*presence/,
    ],
    [
      'a sensitive property of touched objects',
      { it: forbidIf('context.plan.touches has room && context.plan.touches.room.after.note.contains("x")') },
      /^\/policies\/it: .*note/,
    ],
    [
      'an endpoint that there is not',
      { it: forbidIf('context.plan.effects.endpoints.contains(Endpoint::"nobody")') },
      /^\/policies\/it: .*nobody/,
    ],
    ['a question for what no resource has', { it: forbidIf('resource has seatz') }, /^\/policies\/it: .*"seatz"/],
    ['for what no principal has', { it: forbidIf('principal has actFor') }, /^\/policies\/it: .*did you mean "actsFor"\?$/],
    ['for an amount that there is not', { it: forbidIf('context.plan.amounts has minuets') }, /"minuets".*"minutes"/],
    ['for a property that there is not', { it: forbidIf('context.plan.touches has room.before.seatz') }, /"seatz".*"seats"/],
    ['whatever way it is written', { it: forbidIf('context["plan"].touches.room["be\\u{66}ore"] has "se\\u{61}tz"') }, /presence|"seatz"/],
    [
      'by detours',
      { it: forbidIf('{ a: if context.plan.edits.total > 1 then context else context }.a.plan has efects') },
      /"efects".*"effects"/,
    ],
    ['for what the context of another action has', { it: forbidIf('context has onBehalfOf') }, /"onBehalfOf"/],
    ['for what other objects have', { it: forbidIf('context.plan.touches has desk') }, /"desk"/],
    ['a risk tier that there is not', { it: forbidIf('context.plan.riskTier == "hihg"') }, /^\/policies\/it: .*"hihg".*"high"\?$/],
    [
      'the same of what is unlike it',
      { it: forbidIf('"critical" != context.plan.riskTier') },
      /"critical".*there are "low", "medium", "high"$/,
    ],
    ['one of several', { it: forbidIf('["high", "medum"].contains(context.plan.riskTier)') }, /"medum".*"medium"/],
    ['a pattern of none', { it: forbidIf('context.plan.riskTier like "h*ig"') }, /"h\*ig".*"high"/],
    [
      'the same where it is only seen',
      { it: 'forbid (principal, action == Action::"see", resource) when { context has plan && context.plan.riskTier == "hgih" };' },
      /"hgih"/,
    ],
    [
      'by a detour through a record',
      { it: forbidIf('{ a: if context.approvals > 1 then context.plan.riskTier else "none" }.a == "nome"') },
      /"nome".*"none"/,
    ],
    ['a tier that is spelled by escapes', { it: forbidIf('context["plan"]["risk\\u{54}ier"] == "h\\u{69}hg"') }, /"hihg"/],
    ['a kind of principal', { it: forbidIf('principal.kind == "bot"') }, /"bot".*there are "user", "agent", "service"$/],
    ['of somebody who is named', { it: forbidIf('Principal::"ann".kind == "usr"') }, /"usr".*"user"/],
    ['of a proposer', { it: forbidIf('context.proposer.kind == "agents"') }, /"agents".*"agent"/],
    ['of a proposer as a whole', { it: forbidIf('context.proposer == { id: "bot", kind: "agnt" }') }, /"agnt".*"agent"/],
    [
      'a decision that is not asked about',
      { it: 'forbid (principal, action == Action::"review", resource) when { context.decision == "aprove" };' },
      /"aprove".*"approve"/,
    ],
    ['a kind of effect', { it: forbidIf('context.plan.effects.kinds.contains("webhok")') }, /"webhok".*"webhook"/],
    ['one among effects', { it: forbidIf('["webhook", "mesage"].containsAll(context.plan.effects.kinds)') }, /"mesage".*"message"/],
    ['kinds of effects as a whole', { it: forbidIf('context.plan.effects.kinds != ["web"]') }, /"web"/],
    [
      'a value that a property never has',
      { it: forbidIf('context.plan.touches has room.after.status && context.plan.touches.room.after.status.contains("clsoed")') },
      /^\/policies\/it: .*"clsoed".*"closed"/,
    ],
    [
      'one of several that a property never has',
      {
        it: forbidIf(
          'context.plan.touches has room.before.status && context.plan.touches.room.before.status.containsAny(["open", "shut"])',
        ),
      },
      /"shut".*there are "closed", "open"$/,
    ],
    ['a tenant with a name', { it: 'permit (principal, action, resource == Tenant::"mine");' }, /mine/],
    ['somebody who is a role', { it: 'permit (principal == Role::"keeper", action, resource);' }, /^\/policies\/it: .*`in`/],
    [
      'an action of nothing that it is about',
      { it: 'permit (principal, action == Action::"execute", resource == Settings::"policies");' },
      /unable to find an applicable action/,
    ],
    ['what holds for no question', { it: forbidIf('resource is Tenant') }, /impossible/],
    ['a comparison of unlike things', { it: forbidIf('context.approvals == "2"') }, /^\/policies\/it: /],
    ['deep nesting', { it: forbidIf(`${'('.repeat(1_000)}true${')'.repeat(1_000)}`) }, /^\/policies\/it: brackets/],
    ['a chain that the engine cannot take', { it: forbidIf(`${'1 + '.repeat(1_950)}1 == 1`) }, /^\/policies: .*nested too deeply/],
    ['a long policy', { it: forbidIf(`"${'x'.repeat(9_000)}" == ""`) }, /^\/policies\/it: .*8192 bytes/],
    [
      'a megabyte',
      Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`p${at}`, forbidIf(`"${'x'.repeat(5_000)}" == ""`)])),
      /262144 bytes/,
    ],
    ['a thousand and one', Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`p${at}`, permitAll])), /at most 1000/],
    ['none', {}, /permits nothing/],
    ['an id that is no name', { 'a b': permitAll }, /^\/policies\/a b: an id/],
  ])('refuses %s and points at it', (_name, policies, expected) => {
    expect(faults(policies)[0]).toMatch(expected);
  });

  it.each([
    forbidIf('principal has actsFor && principal.actsFor == "ben"'),
    forbidIf('context.plan.touches has room.before.seats || context.plan.amounts has minutes'),
    'forbid (principal, action == Action::"see", resource) unless { context has plan && context.plan.riskTier == "low" };',
    'permit (principal, action, resource) when { action != Action::"review" || context has onBehalfOf };',
    'permit (principal, action in [Action::"review", Action::"execute"], resource) unless { context has onBehalfOf };',
    forbidIf('Principal::"ann" has actsFor || { seatz: 1 } has seatz'),
    forbidIf('["medium", "high"].contains(context.plan.riskTier) || context.plan.riskTier like "l*"'),
    forbidIf('(if context.approvals > 1 then context.plan.riskTier else "none") == "none"'),
    forbidIf('(if context.approvals > 1 then principal.id else principal.kind) == "somebody"'),
    forbidIf('[principal.id, principal.kind].contains("somebody") || principal.roles == ["auditor"] || "a" == "b"'),
    forbidIf('context.plan.effects.kinds.isEmpty() || context.plan.effects.kinds.containsAny(["message"])'),
    forbidIf('context.plan.effects.hosts.contains("elsewhere.example") || principal.id != "user"'),
    forbidIf('context.plan.touches has room.before.status && ["open", "closed"].containsAll(context.plan.touches.room.before.status)'),
    forbidIf('context.plan.touches has room.before.status && context.plan.touches.room.before.status == context.plan.touches.room.ids'),
    forbidIf('principal.id == "say_\u04bbello"'), // Cedar warns of letters of two alphabets.
  ])('takes %s', (it) => {
    expect(faults({ it })).toEqual([]);
  });

  it('refuses what the ontology has nothing of, and before the first document takes any name', () => {
    const bank = { it: forbidIf('context.plan.effects.endpoints.contains(Endpoint::"bank")') };
    expect(checkPolicies(bank, { ...vocabulary, endpoints: [] })).toMatchObject([{ pointer: '/policies/it' }]);
    expect(checkPolicies(bank, nothing)).toEqual([]);
    expect(checkPolicies({ it: forbidIf('context.plan.riskTier == "hihg"') }, nothing)).toMatchObject([{ pointer: '/policies/it' }]);
  });
});
