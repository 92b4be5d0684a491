import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PlanForPolicy, PolicyDecision, PolicyEngine, PolicyRequest, PolicySet } from '../ontology/policy-engine.ts';
import { CedarEngine } from '../policy/cedar-engine.ts';
import { OpaEngine } from '../policy/opa-engine.ts';
import { findOpa } from '../scripts/opa/find-opa.ts';
import { freePort } from '../scripts/processes/free-port.ts';
import { startOpa } from './support/opa-server.ts';
import { startSlowProxy } from './support/slow-proxy.ts';

let stop: () => Promise<void>;
let opaUrl: string;
const engines = new Map<'cedar' | 'rego', PolicyEngine>([['cedar', new CedarEngine()]]);

beforeAll(async () => {
  const opa = await findOpa();
  const port = await freePort();
  stop = await startOpa(opa, port);
  opaUrl = `http://127.0.0.1:${port}`;
  engines.set('rego', new OpaEngine(opaUrl));
}, 600_000); // The first time it is built.
afterAll(() => stop?.());

const execute: PolicyRequest = {
  principal: { id: 'anna', kind: 'user', roles: ['keeper'], teams: ['blue'], actsFor: null },
  action: 'execute',
  resource: 'closeRoom',
  context: {
    now: '2026-01-01T00:00:00.000Z',
    plan: {
      riskTier: 'high',
      edits: { create: 1, modify: 2, delete: 0, link: 0, unlink: 0 },
      objectTypes: ['room'],
      sensitive: ['room.note'],
      amounts: { minutes: 30 },
      touches: {
        room: {
          objects: 3,
          ids: ['r1', 'r2'],
          cut: true,
          before: { status: ['open'], heated: [true], seats: { least: 3, most: 40 } },
          after: { status: ['closed'], seats: { least: 3, most: 40 } },
        },
      },
      effects: { count: 2, irreversible: true, kinds: ['message', 'webhook'], endpoints: ['caretaker'], hosts: ['caretaker.example'] },
    },
    proposer: { id: 'anna', kind: 'user' },
    approvals: 1,
  },
};

const { riskTier, edits, objectTypes, sensitive } = { ...execute.context.plan } as PlanForPolicy;
const seen: Partial<PolicyRequest> = {
  action: 'see',
  context: {
    now: execute.context.now,
    proposer: { id: 'bot', kind: 'agent', actsFor: 'anna' },
    plan: { riskTier, edits, objectTypes, sensitive },
  },
};

const all = { cedar: 'permit (principal, action, resource);', rego: 'permit := true' };
/** The condition in both languages, of a policy that forbids executions. */
const forbid = (cedar: string, rego: string) => ({
  cedar: `forbid (principal, action == Action::"execute", resource) when { ${cedar} };`,
  rego: `forbid if {\n  input.action == "execute"\n  ${rego}\n}`,
});
type Expected = Pick<PolicyDecision, 'decision' | 'policies'>;
const allowed: Expected = { decision: 'allow', policies: ['all'] };
const forbidden: Expected = { decision: 'deny', policies: ['it'] };

const cases: [
  name: string,
  policies: Record<string, { cedar: string; rego: string }>,
  expected: Expected,
  request?: Partial<PolicyRequest>,
][] = [
  ['what is permitted', { all }, allowed],
  ['what nothing permits', { it: forbid('false', 'false') }, { decision: 'deny', policies: [] }],
  ['what two permit', { all, more: all }, { decision: 'allow', policies: ['all', 'more'] }],
  ['what one forbids and another permits', { all, it: forbid('true', 'true') }, forbidden],
  [
    'another action',
    { all, it: forbid('true', 'true') },
    allowed,
    { action: 'propose', context: { now: execute.context.now, revert: false } },
  ],
  ['roles', { all, it: forbid('principal in Role::"keeper"', '"keeper" in input.principal.roles') }, forbidden],
  ['teams', { all, it: forbid('principal.teams.contains("red")', '"red" in input.principal.teams') }, allowed],
  ['kinds', { all, it: forbid('principal.kind != "user"', 'input.principal.kind != "user"') }, allowed],
  ['the action type', { all, it: forbid('resource == ActionType::"closeRoom"', 'input.resource == "closeRoom"') }, forbidden],
  ['edits', { all, it: forbid('context.plan.edits.total > 2', 'input.context.plan.edits.total > 2') }, forbidden],
  ['the risk tier', { all, it: forbid('context.plan.riskTier == "high"', 'input.context.plan.riskTier == "high"') }, forbidden],
  [
    'object types',
    { all, it: forbid('context.plan.objectTypes.contains(ObjectType::"floor")', '"floor" in input.context.plan.objectTypes') },
    allowed,
  ],
  ['sensitive properties', { all, it: forbid('!context.plan.sensitive.isEmpty()', 'count(input.context.plan.sensitive) > 0') }, forbidden],
  [
    'amounts',
    { all, it: forbid('context.plan.amounts has minutes && context.plan.amounts.minutes > 29', 'input.context.plan.amounts.minutes > 29') },
    forbidden,
  ],
  [
    'amounts that were not given',
    { all, it: forbid('context.plan.amounts has euros && context.plan.amounts.euros > 1', 'input.context.plan.amounts.euros > 1') },
    allowed,
  ],
  [
    'what touched objects become',
    {
      all,
      it: forbid(
        'context.plan.touches has room.after.status && context.plan.touches.room.after.status.contains("closed")',
        '"closed" in input.context.plan.touches.room.after.status',
      ),
    },
    forbidden,
  ],
  [
    'a property that no touched object has',
    {
      all,
      it: forbid(
        'context.plan.touches has room.after.heated && context.plan.touches.room.after.heated.contains(true)',
        'true in input.context.plan.touches.room.after.heated',
      ),
    },
    allowed,
  ],
  [
    'bounds of numbers',
    {
      all,
      it: forbid(
        'context.plan.touches has room.before.seats && context.plan.touches.room.before.seats.most > 39',
        'input.context.plan.touches.room.before.seats.most > 39',
      ),
    },
    forbidden,
  ],
  [
    'a type that is not touched',
    { all, it: forbid('context.plan.touches has floor && context.plan.touches.floor.cut', 'input.context.plan.touches.floor.cut') },
    allowed,
  ],
  [
    'objects that were left out',
    { all, it: forbid('context.plan.touches has room && context.plan.touches.room.cut', 'input.context.plan.touches.room.cut') },
    forbidden,
  ],
  [
    'what is not taken back',
    { all, it: forbid('context.plan.effects.irreversible', 'input.context.plan.effects.irreversible') },
    forbidden,
  ],
  [
    'where effects go',
    {
      all,
      it: forbid(
        'context.plan.effects.endpoints.contains(Endpoint::"bank") || context.plan.effects.hosts.contains("bank.example")',
        'some where in array.concat(input.context.plan.effects.endpoints, input.context.plan.effects.hosts)\n  where in {"bank", "bank.example"}',
      ),
    },
    allowed,
  ],
  ['approvals', { all, it: forbid('context.approvals < 2', 'input.context.approvals < 2') }, forbidden],
  [
    'whose review it is',
    {
      all,
      it: {
        cedar:
          'forbid (principal, action == Action::"review", resource) when { context has onBehalfOf && context.onBehalfOf.roles.contains("keeper") };',
        rego: 'forbid if "keeper" in input.context.onBehalfOf.roles',
      },
    },
    forbidden,
    {
      action: 'review',
      context: { ...execute.context, decision: 'approve', onBehalfOf: { id: 'ben', roles: ['keeper'], teams: [] } },
    },
  ],
  [
    'what is seen of a proposal',
    {
      all,
      it: {
        cedar:
          'forbid (principal, action == Action::"see", resource == ActionType::"closeRoom") when { context has plan && context.plan.edits.total > 2 && context.plan.riskTier == "high" };',
        rego: 'forbid if {\n  input.action == "see"\n  input.resource == "closeRoom"\n  input.context.plan.edits.total > 2\n}',
      },
    },
    forbidden,
    seen,
  ],
  [
    'whose agent proposed what is seen',
    {
      it: {
        cedar:
          'permit (principal, action == Action::"see", resource is ActionType) when { context has proposer.actsFor && context.proposer.actsFor == principal.id };',
        rego: 'permit if {\n  input.action == "see"\n  input.context.proposer.actsFor == input.principal.id\n}',
      },
    },
    { decision: 'allow', policies: ['it'] },
    seen,
  ],
  [
    'the tenant, which is no proposal',
    {
      all,
      it: {
        cedar: 'forbid (principal, action == Action::"see", resource is ActionType);',
        rego: 'forbid if {\n  input.action == "see"\n  input.resource != ""\n}',
      },
    },
    allowed,
    { action: 'see', resource: '', context: { now: execute.context.now } },
  ],
  [
    'time',
    {
      all,
      it: forbid(
        'context.now < datetime("2026-06-01")',
        'time.parse_rfc3339_ns(input.context.now) < time.parse_rfc3339_ns("2026-06-01T00:00:00Z")',
      ),
    },
    forbidden,
  ],
];

describe.each(['cedar', 'rego'] as const)('a decision in %s', (language) => {
  const ask = async (policies: Record<string, { cedar: string; rego: string }>, request: Partial<PolicyRequest> = {}) => {
    const texts = Object.fromEntries(Object.entries(policies).map(([id, text]) => [id, text[language]]));
    const set: PolicySet = { key: JSON.stringify(texts), policies: texts };
    const engine = engines.get(language);
    if (engine === undefined) throw new Error('the engine was not started');
    return engine.decide(set, { ...execute, ...request });
  };

  it.each(cases)('goes by %s', async (_name, policies, expected, request) => {
    expect(await ask(policies, request)).toEqual({ ...expected, errors: [] });
    expect(await ask(policies, request)).toEqual({ ...expected, errors: [] });
  });

  it('is a deny that says so where a policy cannot be computed, though another permits', async () => {
    const broken = forbid(
      'context.approvals * 9223372036854775807 + 9223372036854775807 > 0',
      'time.parse_rfc3339_ns(input.principal.id) > 0',
    );
    const { decision, policies, errors } = await ask({ all, broken, more: all });
    expect({ decision, policies }).toEqual({ decision: 'deny', policies: ['broken'] });
    expect(errors[0]).not.toBe('');
  });

  it('is a deny where the texts are no policies', async () => {
    const outcome = await ask({ all, it: { cedar: 'permit (', rego: 'permit if {' } });
    expect(outcome).toMatchObject({ decision: 'deny', policies: [], errors: [expect.any(String)] });
  });
});

it.each([
  'forbid contains "too late" if input.action == "execute"',
  'forbid := "too late" if input.action == "execute"',
  'forbid := null',
  'forbid["too late"] := true',
  'permit := 1',
])('a decision in Rego is a deny that says so where a verdict is neither true nor false: %s', async (it) => {
  const policies = { all: all.rego, it };
  expect(await engines.get('rego')?.decide({ key: it, policies }, execute)).toEqual({
    decision: 'deny',
    policies: ['it'],
    errors: ['it: permit and forbid must be true or false'],
  });
});

it('a decision is a deny where OPA is away', async () => {
  const away = new OpaEngine(`http://127.0.0.1:${await freePort()}`);
  expect(await away.decide({ key: 'x', policies: { all: all.rego } }, execute)).toMatchObject({
    decision: 'deny',
    errors: [expect.stringMatching(/^the engine failed/)],
  });
});

it('a decision by more policies than OPA is given in time is a deny at the deadline; others are not late for it, and a later one is made', async () => {
  const deadlineMs = 500;
  let given = 0;
  const proxy = await startSlowProxy(opaUrl, ({ method }) => {
    if (method !== 'PUT') return 0;
    given++;
    return 20;
  });
  try {
    const engine = new OpaEngine(proxy.url, '', deadlineMs);
    const apart = 'yes := true\n\npermit if yes'; // With a rule of its own it is a module of its own.
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`p${at}`, apart])); // 1.2 s
    const large: PolicySet = { key: 'large', policies: many };
    const began = performance.now();
    const first = engine.decide(large, execute);
    expect(await engine.decide({ key: 'small', policies: { all: all.rego } }, execute)).toMatchObject({ decision: 'allow' });
    expect(await first).toEqual({
      decision: 'deny',
      policies: [],
      errors: [`the engine failed: no answer within ${deadlineMs} ms`],
      away: true,
    });
    expect(performance.now() - began).toBeLessThan(4 * deadlineMs);
    await expect.poll(() => engine.decide(large, execute)).toMatchObject({ decision: 'allow' });
    expect(given).toBe(61); // Each once: what was given before the deadline is not given again.
  } finally {
    await proxy.close();
  }
});

it('a decision that OPA computes for too long is a deny at the deadline', async () => {
  const proxy = await startSlowProxy(opaUrl, ({ method }) => (method === 'POST' ? 60_000 : 0));
  try {
    const engine = new OpaEngine(proxy.url, '', 200);
    expect(await engine.decide({ key: 'x', policies: { all: all.rego } }, execute)).toMatchObject({ decision: 'deny', away: true });
  } finally {
    await proxy.close();
  }
});

/** What says this to whatever it is asked, in the place of an OPA. */
async function startOddServer(text: string): Promise<{ url: string; close(): void }> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

it('a decision is a deny for good where the answer is longer than anybody reads', async () => {
  const said = { exequatur_set: { all: { permit: true, exequatur_present: true } }, apart: { more: 'x'.repeat(2_000_000) } };
  const server = await startOddServer(JSON.stringify({ result: said }));
  try {
    expect(await new OpaEngine(server.url, '', 20_000).decide({ key: 'long', policies: { all: all.rego } }, execute)).toEqual({
      decision: 'deny',
      policies: [],
      errors: ['the engine failed: the answer has more than 1048576 bytes'],
    });
  } finally {
    server.close();
  }
});

it.each([
  ['no object', 'true'],
  ['nothing', '{}'],
  ['a text', '{"result":"yes"}'],
  ['no JSON', 'permit'],
  ['a part of the set', '{"result":{"exequatur_set":{"all":{"permit":true,"exequatur_present":true}}}}'],
  ['another set', '{"result":{"exequatur_set":{"other":{"permit":true,"exequatur_present":true}}}}'],
  ['a mark that is none', '{"result":{"exequatur_set":{"all":{"permit":true,"exequatur_present":1},"it":{"exequatur_present":true}}}}'],
])('a decision is a deny where the answer is %s', async (_name, text) => {
  const server = await startOddServer(text);
  try {
    const policies = { all: all.rego, it: 'forbid if input.context.approvals > 1' };
    const engine = new OpaEngine(server.url, '', 20_000);
    expect(await engine.decide({ key: 'odd', policies }, execute)).toMatchObject({ decision: 'deny', policies: [], away: true });
  } finally {
    server.close();
  }
});

it('a decision counts nothing that is no policy of the set', async () => {
  const said = { exequatur_set: { all: { exequatur_present: true }, more: { permit: true, exequatur_present: true } } };
  const server = await startOddServer(JSON.stringify({ result: said }));
  try {
    const engine = new OpaEngine(server.url, '', 20_000);
    expect(await engine.decide({ key: 'more', policies: { all: 'permit := false' } }, execute)).toEqual({
      decision: 'deny',
      policies: [],
      errors: [],
    });
  } finally {
    server.close();
  }
});

it('a set that takes all the time it has is asked about by few at once, and the others are denied in time', async () => {
  let asked = 0;
  const proxy = await startSlowProxy(opaUrl, ({ method }) => {
    if (method !== 'POST') return 0;
    asked++;
    return 60_000;
  });
  try {
    const engine = new OpaEngine(proxy.url, '', 500); // Less than a question has, so that each ends with the deadline.
    const set: PolicySet = { key: 'slow', policies: { all: all.rego } };
    const deciding = Array.from({ length: 30 }, () => engine.decide(set, execute));
    await Promise.race(deciding);
    expect(asked).toBeLessThanOrEqual(8); // Before any is over; whose turn comes then may still have a moment left.
    const decisions = await Promise.all(deciding);
    expect(decisions.every(({ decision, away }) => decision === 'deny' && away === true)).toBe(true);
  } finally {
    await proxy.close();
  }
});

it('policies over which OPA ends time after time are not asked about for a while, and others are', async () => {
  let asked = 0;
  let fatal: string | null = null; // The package over which it ends.
  const server = createServer(async (call, answer) => {
    const { method = 'GET', url = '' } = call;
    const body = (await call.toArray()).join('');
    if (method === 'PUT' && body.includes('fatal')) fatal = /set_\w+/.exec(url)?.[0] ?? null;
    if (method === 'POST' && fatal !== null && url.includes(fatal)) {
      asked++;
      call.socket.destroy();
      return;
    }
    const from = await fetch(`${opaUrl}${url}`, { method, ...(body === '' ? {} : { body, headers: { 'content-type': 'text/plain' } }) });
    answer.writeHead(from.status).end(await from.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  try {
    const engine = new OpaEngine(`http://127.0.0.1:${port}`, 'fatal', 20_000);
    const set: PolicySet = { key: 'fatal', policies: { all: 'permit if input.resource != "fatal"' } };
    const other: PolicySet = { key: 'other', policies: { all: all.rego } };
    const ask = async (times: number) => {
      for (let at = 0; at < times; at++) expect(await engine.decide(set, execute)).toMatchObject({ decision: 'deny', away: true });
    };
    await ask(6);
    expect(asked).toBe(3);
    await expect.poll(() => engine.decide(other, execute)).toMatchObject({ decision: 'allow' });
    clock.mockReturnValue(30_000);
    await ask(3);
    expect(asked).toBe(4);
    clock.mockReturnValue(60_000);
    await ask(1);
    expect(asked).toBe(4); // The next pause is twice as long.
    clock.mockReturnValue(90_000);
    fatal = null;
    await expect.poll(() => engine.decide(set, execute)).toMatchObject({ decision: 'allow' });
  } finally {
    clock.mockRestore();
    server.close();
  }
});

it('a set is given by one request where its policies have no rules but their verdicts, and decides as each by itself', async () => {
  const puts: string[] = [];
  const proxy = await startSlowProxy(opaUrl, ({ method, url }) => {
    if (method === 'PUT') puts.push(url ?? '');
    return 0;
  });
  try {
    const engine = new OpaEngine(proxy.url, 'together', 20_000);
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [
        `bound-${at}`,
        `# at ${at}\nforbid if {\n  input.context.approvals < ${at}\n  input.action == "execute"\n}\n`,
      ]),
    );
    const helped = 'few if input.context.approvals < 2\n\nforbid if few';
    const set: PolicySet = { key: 'many', policies: { 'all-of-it': all.rego, helped, ...many } };
    const forbidding = Object.keys(many).slice(2);
    expect(await engine.decide(set, execute)).toEqual({ decision: 'deny', policies: [...forbidding, 'helped'].sort(), errors: [] });
    expect(puts).toHaveLength(2);
    await engine.forgetAll();
    expect((await (await fetch(`${opaUrl}/v1/data/exequatur`)).text()).includes('bound-7')).toBe(false);
    expect(await engine.compile(set.policies)).toEqual({});
    expect(Object.keys(await engine.compile({ ...set.policies, wrong: 'permit if nothing_of_the_kind' }))).toEqual(['wrong']);
  } finally {
    await proxy.close();
  }
});

it.each([
  ['one permits in two ways', 'permit if input.action == "see"\n\npermit if input.action == "execute"\n', { permit: true }],
  ['words in texts and comments', '# permit\nforbid if input.action == "forbid if"\npermit := true # forbid := true\n', { permit: true }],
  ['a text over lines', 'permit if "permit if true" != `\npermit := false\nforbid := true\n`\n', { permit: true }],
  ['a rule that goes on', 'forbid if\n  input.action == "execute"\n', { forbid: true }],
  ['a field of the name', 'permit if not input.permit\n', { permit: true }],
  ['a default', 'default permit := false\npermit if input.action == "see"\n', { permit: false }],
  ['else', 'forbid := false if input.action == "see" else := true\n', { forbid: true }],
  ['its own verdict', 'permit if input.action == "execute"\nforbid if not permit\n', { permit: true }],
  ['its own verdict on another line', 'permit if input.action == "see"\nforbid if\nnot permit\n', { forbid: true }],
  ['a rule of its own', 'late if input.action == "execute"\nforbid if late\n', { forbid: true }],
  ['a variable of the name', 'permit if {\n  some forbid in [1]\n  forbid == 1\n}\n', { permit: true }],
  ['an object', 'permit if {\n  {"permit": 1}.permit == 1\n}\n', { permit: true }],
  ['another policy of the set', 'forbid if exequatur_set["all"].permit\n', 'refused'],
  ['a verdict that it has not', 'permit := true\nforbid if soft\n', 'refused'],
  ['a verdict that it has not, on another line', 'permit := true\nforbid if\nsoft\n', 'refused'],
])('a policy in Rego says beside others what it says alone: %s', async (_name, text, said) => {
  const engine = new OpaEngine(opaUrl, 'beside', 20_000);
  const beside = { all: all.rego, it: text, other: 'forbid if input.action == "never"\n' };
  const [alone, together] = [await engine.compile({ it: text }), await engine.compile(beside)];
  expect([Object.keys(alone), Object.keys(together)]).toEqual(said === 'refused' ? [['it'], ['it']] : [[], []]);
  if (typeof said === 'string') return;
  const { decision, policies } = await engine.decide({ key: text, policies: beside }, execute);
  const forbids = 'forbid' in said && said.forbid;
  expect({ decision, policies }).toEqual(
    forbids
      ? { decision: 'deny', policies: ['it'] }
      : { decision: 'allow', policies: 'permit' in said && said.permit ? ['all', 'it'] : ['all'] },
  );
});
