import { expect, it } from 'vitest';
import { type PolicyAction, type PolicyRequest, policyActions, settings } from '../ontology/policy-engine.ts';
import { Dice } from '../tests/trust/random-numbers.ts';
import { cedarQuestion } from './cedar-call.ts';
import { CedarEngine } from './cedar-engine.ts';
import { freshCedar } from './cedar-module.ts';
import { CedarSlices } from './cedar-slices.ts';

const cedar = freshCedar();
const types = ['open', 'close', 'move', 'unnamed'];
const now = '2026-01-01T00:00:00.000Z';

/** What Cedar says of the whole set: nothing is left out. */
function decideWhole(policies: Record<string, string>, request: PolicyRequest) {
  const answer = cedar.isAuthorized({ ...cedarQuestion(request), policies: { staticPolicies: policies } });
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  const { decision, diagnostics } = answer.response;
  const failing = diagnostics.errors.map(({ policyId }) => policyId).sort();
  if (failing.length > 0) return { decision: 'deny', policies: failing };
  return { decision, policies: [...diagnostics.reason].sort() };
}

const scopesOf = (dice: Dice) => ({
  principal: dice.pick([
    'principal',
    'principal == Principal::"anna"',
    'principal in Role::"keeper"',
    'principal in Team::"blue"',
    'principal is Principal in Role::"officer"',
    'principal in Principal::"ben"',
  ]),
  action: dice.pick([
    'action',
    `action == Action::"${dice.pick(policyActions)}"`,
    `action in [Action::"${dice.pick(policyActions)}", Action::"${dice.pick(policyActions)}"]`,
    `action in Action::"${dice.pick(policyActions)}"`,
    'action in []',
    `action == Elsewhere::Action::"${dice.pick(policyActions)}"`,
  ]),
  resource: dice.pick([
    'resource',
    `resource == ActionType::"${dice.pick(types)}"`,
    `resource == ActionType::"${dice.pick(types)}"`,
    `resource == Settings::"${dice.pick(settings)}"`,
    'resource == Tenant::""',
    `resource in ActionType::"${dice.pick(types)}"`,
    'resource is ActionType',
    `resource is ActionType in ActionType::"${dice.pick(types)}"`,
  ]),
});
/** Conditions that hold, do not, cannot be computed for want of what they ask, or overflow. */
const conditions = [
  '',
  'when { true }',
  'when { false }',
  'unless { principal.roles.contains("keeper") }',
  'when { context.revert }',
  'when { context.approvals < 2 }',
  'when { principal.actsFor == "x" }',
  'when { 9223372036854775807 + 1 > 0 }',
  'when { resource == ActionType::"move" && context.approvals + 1 > 0 }',
];

const policyOf = (dice: Dice) => {
  const { principal, action, resource } = scopesOf(dice);
  return `${dice.chance(25) ? '@explain("so")\n' : ''}${dice.chance(50) ? 'permit' : 'forbid'} (${principal}, ${action}, ${resource}) ${dice.pick(conditions)};`;
};

function requestOf(dice: Dice): PolicyRequest {
  const action: PolicyAction = dice.pick(policyActions);
  const resource = action === 'administer' ? dice.pick(settings) : action === 'see' && dice.chance(50) ? '' : dice.pick(types);
  const principal = {
    id: dice.pick(['anna', 'ben', 'chris']),
    kind: 'user' as const,
    roles: dice.some(['keeper', 'officer', 'auditor'], dice.roll(3)),
    teams: dice.some(['blue', 'red'], dice.roll(2)),
    actsFor: dice.chance(50) ? null : 'x',
  };
  const context = { now, ...(dice.chance(50) ? { approvals: dice.roll(4) } : {}), ...(dice.chance(50) ? { revert: dice.chance(50) } : {}) };
  return { principal, action, resource, context };
}

it('what can be about a question decides it as the whole set does: answer, policies and errors', () => {
  const dice = new Dice(20_261_130);
  const engine = new CedarEngine();
  const seen = { allow: 0, deny: 0, failing: 0, left: 0 };
  for (let round = 0; round < 40; round++) {
    const count = dice.pick([5, 31, 32, 40]);
    const policies = Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, policyOf(dice)]));
    const set = { key: `set ${round}`, policies };
    const slices = CedarSlices.of(cedar, set) ?? expect.fail('not parsed');
    for (let asked = 0; asked < 8; asked++) {
      const request = requestOf(dice);
      const { decision, policies: determining, errors } = engine.decide(set, request);
      expect({ decision, policies: determining }, JSON.stringify({ policies, request })).toEqual(decideWhole(policies, request));
      seen[decision]++;
      if (errors.length > 0) seen.failing++;
      seen.left += count - Object.keys(slices.for(request).policies).length;
    }
  }
  expect(Math.min(seen.allow, seen.deny, seen.failing)).toBeGreaterThan(20); // Else it would not say much.
  expect(seen.left).toBeGreaterThan(1_500);
});

it('what is for others is left out of many as well, and the answer is that of the whole', () => {
  const dice = new Dice(7);
  const engine = new CedarEngine();
  let left = 0;
  for (let round = 0; round < 12; round++) {
    const rare = () =>
      dice.pick([`principal in Role::"r${dice.roll(40)}"`, `principal in Team::"t${dice.roll(40)}"`, 'principal == Principal::"dora"']);
    const many = Array.from({ length: 120 }, (_, at) => [`m${at}`, policyOf(dice).replace(/principal[^,]*,/, `${rare()},`)] as const);
    const set = { key: `many ${round}`, policies: Object.fromEntries([['some', policyOf(dice)], ...many]) };
    const slices = CedarSlices.of(cedar, set) ?? expect.fail('not parsed');
    for (let asked = 0; asked < 6; asked++) {
      const request = requestOf(dice);
      const principal = {
        ...request.principal,
        id: dice.pick(['anna', 'dora']),
        roles: [`r${dice.roll(40)}`],
        teams: [`t${dice.roll(40)}`],
      };
      const { decision, policies } = engine.decide(set, { ...request, principal });
      expect({ decision, policies }, JSON.stringify({ set, principal })).toEqual(decideWhole(set.policies, { ...request, principal }));
      left += 121 - Object.keys(slices.for({ ...request, principal }).policies).length;
    }
  }
  expect(left).toBeGreaterThan(12 * 6 * 80);
});

it('a set of which one text is no policy decides nothing, also where that text is for something else', () => {
  const set = {
    key: 'broken',
    policies: { all: 'permit (principal, action, resource);', bad: 'forbid (principal, action == Action::"see" resource);' },
  };
  const request: PolicyRequest = { ...requestOf(new Dice(1)), action: 'propose', resource: 'open' };
  expect(new CedarEngine().decide(set, request)).toEqual({ decision: 'deny', policies: [], errors: ['the policies cannot be parsed'] });
});

it.each([
  '',
  'permit (principal, action, resource)',
  'permit (principal, action, resource); permit (principal, action, resource);',
  'permit (principal == ?principal, action, resource);',
  'permit (principal, action, resource) when { noFunction(1) };',
  '@id("a") @id("b") permit (principal, action, resource);',
  '// said\npermit (principal, action, resource) when { ip("no address").isIpv4() };',
])('%j is a policy by itself where it is one in a set', (text) => {
  const inSet = cedar.checkParsePolicySet({ staticPolicies: { it: text } }).type === 'success';
  expect(
    CedarSlices.of(cedar, { key: 'x', policies: Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`it-${at}`, text])) }) !== null,
  ).toBe(inSet);
});

it('policies for one resource each are not computed for another, and those for all are not copied beside each', () => {
  const of = (count: number, everywhere: number) =>
    Object.fromEntries([
      ...Array.from({ length: count }, (_, at) => [`own-${at}`, `forbid (principal, action, resource == ActionType::"type-${at}");`]),
      ...Array.from({ length: everywhere }, (_, at) => [`all-${at}`, 'permit (principal, action, resource);']),
    ]);
  const sizeOf = (policies: Record<string, string>, resource: string) =>
    Object.keys(
      CedarSlices.of(cedar, { key: 'x', policies })?.for({ ...requestOf(new Dice(1)), action: 'propose', resource }).policies ?? {},
    ).length;
  expect(sizeOf(of(100, 1), 'type-7')).toBe(2);
  expect(sizeOf(of(100, 1), 'nothing of the kind')).toBe(1);
  expect(sizeOf(of(100, 100), 'type-7')).toBe(200);
});

it('with more slices in use than names, each is still its own', () => {
  const engine = new CedarEngine();
  const policies = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => [
      `own-${at}`,
      `permit (principal, action == Action::"propose", resource == ActionType::"type-${at}");`,
    ]),
  );
  const ask = (key: string, at: number) =>
    engine.decide({ key, policies }, { ...requestOf(new Dice(1)), action: 'propose', resource: `type-${at}` }).policies;
  for (let round = 0; round < 2; round++)
    for (let set = 0; set < 12; set++) for (let at = 0; at < 40; at++) expect(ask(`set ${set}`, at)).toEqual([`own-${at}`]);
});
