// What policies keep from somebody is not there for them, on every route of a proposal; over HTTP, on a database of its own from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../api/routes.ts';
import { openPool } from '../../store/connect.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { building } from '../store/fixture.ts';
import { ApiScene, type Person } from './api-scene.ts';
import { enacted } from './enact.ts';

let scene: ApiScene;
let worker: pg.Pool;
const admin = { id: 'ontology-admin-1' };
/** May see no proposals that touch floors, but their own. */
const visitor = { id: 'visitor-1', roles: ['visitor', 'auditor'] };
const keeper = { id: 'keeper-1' };
/** May see nothing at all. */
const blind = { id: 'keeper-9', roles: ['keeper', 'operator', 'access-admin', 'blind'] };
const nothing = '00000000-0000-0000-0000-000000000000';

const policies = {
  all: 'permit (principal, action, resource);',
  floors: `@explain("Not for visitors.") forbid (principal in Role::"visitor", action == Action::"see", resource is ActionType)
    unless { context has plan && !context.plan.objectTypes.contains(ObjectType::"floor") };`,
  blind: 'forbid (principal in Role::"blind", action == Action::"see", resource == Tenant::"");',
};
const cases = [
  {
    name: 'floors',
    principal: { roles: ['visitor'] },
    action: 'see',
    resource: 'askFloor',
    context: { plan: { objectTypes: ['floor'] } },
    expect: 'deny',
  },
  {
    name: 'rooms',
    principal: { roles: ['visitor'] },
    action: 'see',
    resource: 'closeRoom',
    context: { plan: { objectTypes: ['room'] } },
    expect: 'allow',
  },
  { name: 'all else', principal: { roles: ['visitor'] }, action: 'see', expect: 'allow' },
];

interface Made {
  id: string;
  planDigest: string;
}
let floors = 0;
let hidden: Made;

async function planned(actionType: string, parameters: object, by: Person = keeper): Promise<Made> {
  const { body } = await scene.as(by).propose(actionType, parameters as never);
  await simulateProposal(worker, scene.tenant, body.id, scene.context.resources.deps);
  return (await scene.as(keeper).get(`/v1/proposals/${body.id}`)).body;
}
const askFloor = (by?: Person) => planned('askFloor', { name: `F${++floors}` }, by);

beforeAll(async () => {
  scene = await ApiScene.open({ simulationPatienceMs: 0 });
  worker = openPool(scene.database.urls.worker);
  await scene.as(admin).put('/v1/ontology', building);
  for (const who of [visitor, keeper, blind, { id: 'access-admin-1' }]) await scene.as(who).get('/v1/object-types');
  hidden = await askFloor();
  expect((await enacted(scene, scene.as(admin).put('/v1/policies', { policies, cases }))).status).toBe(202);
});
afterAll(async () => {
  await worker?.end();
  await scene?.close();
});

it('a schedule is there for nobody who may not see what its runs propose', async () => {
  const wish = { actionType: 'askFloor', parameters: { name: 'F99' }, justification: 'secret works', timing: { cron: '0 2 * * *' } };
  const { id } = (await scene.as(keeper).post('/v1/schedules', wish, {})).body;
  const own = (await scene.as({ ...visitor, roles: [...visitor.roles, 'keeper', 'operator'] }).post('/v1/schedules', wish, {})).body;
  const seenBy = async (who: Person) =>
    (await scene.as(who).get('/v1/schedules')).body.schedules.map((schedule: { id: string }) => schedule.id).sort();
  expect(await seenBy(visitor)).toEqual([own.id]);
  expect(await seenBy(keeper)).toEqual([id, own.id].sort());
  const at = `/v1/schedules/${id}`;
  const outsider = scene.as({ ...visitor, roles: [...visitor.roles, 'operator'] });
  const answers = [await outsider.get(at), await outsider.call('DELETE', at)];
  for (const act of ['pause', 'resume', 'trigger']) answers.push(await outsider.post(`${at}/${act}`, { reason: 'why not' }));
  for (const { status, body } of answers) expect([status, body.code]).toEqual([404, 'not_found']);
  expect((await scene.as(keeper).get(at)).body).toMatchObject({ state: 'active', triggered: null });
  expect((await scene.as(visitor).get(`/v1/schedules/${own.id}`)).status).toBe(200);
});

/** What each route of a proposal is called with; a route without a row fails. */
const bodies: Record<string, { body?: unknown; headers?: Record<string, string>; query?: string }> = {
  getProposal: {},
  getPlan: {},
  getPlanDifference: {},
  getDecisions: {},
  getEvidence: {},
  getTimeline: {},
  listReviewers: {},
  breakGlass: { body: { planDigest: 'x', reason: 'x' } },
  reviewEmergency: { body: { verdict: 'justified', comment: 'x' } },
  reviewProposal: {
    body: { decision: 'approve', comments: [{ text: 'x', on: { type: 'floor', id: 'F1' } }] },
    headers: { 'if-match': '"x"' },
  },
  reviseProposal: { body: { parameters: {} } },
  withdrawProposal: { body: {} },
  cancelProposal: { body: { reason: 'x' } },
  resolveProposal: { body: { choice: 'skip', reason: 'x' }, headers: { 'if-match': '"x"' } },
  revertProposal: { body: { justification: 'x' } },
};

describe('a proposal that policies keep from somebody', () => {
  const ofProposals = routes.filter(({ path }) => path.includes('{proposalId}'));

  it('is asked for on every route that there is', () => {
    expect(Object.keys(bodies).sort()).toEqual(ofProposals.map(({ name }) => name).sort());
  });

  it.each(ofProposals.map(({ name, method, path }) => [name, method, path] as const))('%s: is not there', async (name, method, path) => {
    const answers = await Promise.all(
      [hidden.id, nothing].map(async (id) => {
        const { status, body } = await scene.as(visitor).call(method.toUpperCase(), path.replace('{proposalId}', id), bodies[name]);
        const { instance: _, requestId: __, ...told } = body;
        return JSON.parse(JSON.stringify({ status, told }).replaceAll(id, 'id'));
      }),
    );
    expect(answers[0]).toMatchObject({ status: 404, told: { code: 'not_found' } });
    expect(answers[0]).toEqual(answers[1]);
    const { status } = await scene
      .as({ id: 'operator-1' })
      .call(method.toUpperCase(), path.replace('{proposalId}', hidden.id), bodies[name]);
    if (name.startsWith('get') && name !== 'getEvidence' && name !== 'getPlanDifference') expect(status).toBe(200);
  });

  it('leaves no word of who asked for it on record', async () => {
    const { decisions } = (await scene.as(keeper).get(`/v1/proposals/${hidden.id}/decisions`)).body;
    expect(decisions.filter(({ actor }: { actor: string }) => actor === visitor.id)).toEqual([]);
  });

  it('is not waited for', async () => {
    const began = performance.now();
    const { status } = await scene.as(visitor).get(`/v1/proposals/${hidden.id}`, { headers: { prefer: 'wait=60' } });
    expect(status).toBe(404);
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it('is in no page, which may be short; its token goes on', async () => {
    const own = await askFloor(visitor);
    await askFloor();
    const pages: string[][] = [];
    let token: string | null = null;
    do {
      const query: string = token === null ? '' : `&pageToken=${encodeURIComponent(token)}`;
      const { body } = await scene.as(visitor).get(`/v1/proposals?pageSize=1${query}`);
      pages.push(body.proposals.map(({ id }: Made) => id));
      token = body.nextPageToken;
    } while (token !== null);
    // A change of what governs is seen by whoever sees the tenant, and everybody sees their own.
    const { body: all } = await scene.as(keeper).get('/v1/proposals');
    expect(all.proposals.map(({ actionType }: { actionType: { name: string } }) => actionType.name)).toEqual([
      'askFloor',
      'askFloor',
      '$changePolicies',
      'askFloor',
    ]);
    expect(pages.map(({ length }) => length)).toEqual([0, 1, 1, 0]);
    expect(pages.flat()).toEqual([own.id, all.proposals[2].id]);
  });

  it('has no events for them, in a page, by its sequence or in the stream, and what others proposed has', async () => {
    const told = async (who: Person) => (await scene.as(who).get('/v1/events?type=proposal.*&pageSize=1000')).body.events;
    const ids = (events: { data: { proposalId: string } }[]) => events.map(({ data }) => data.proposalId);
    const forKeeper = await told(keeper);
    expect(ids(forKeeper)).toContain(hidden.id);
    expect(ids(await told(visitor))).not.toContain(hidden.id);
    expect((await told(visitor)).length).toBeGreaterThan(0);
    const one = forKeeper.find(({ data }: { data: { proposalId: string } }) => data.proposalId === hidden.id);
    expect((await scene.as(keeper).get(`/v1/events/${one.sequence}`)).status).toBe(200);
    expect((await scene.as(visitor).get(`/v1/events/${one.sequence}`)).status).toBe(404);

    const first = forKeeper[0].sequence;
    const leave = new AbortController();
    const response = await fetch(`${scene.url}/v1/events?after=${first}`, {
      headers: { authorization: `Bearer ${await scene.token(visitor)}`, accept: 'text/event-stream' },
      signal: leave.signal,
    });
    const own = await askFloor(visitor);
    let text = '';
    for await (const piece of response.body ?? []) {
      text += Buffer.from(piece).toString();
      if (text.includes(own.id)) break;
    }
    leave.abort();
    expect(text).not.toContain(hidden.id);
  });

  it('does not name among its reviewers whom policies keep it from', async () => {
    const both = { id: 'keeper-5', roles: ['keeper', 'visitor'] };
    await scene.as(both).get('/v1/object-types');
    const { reviewers } = (
      await scene.as(admin).get(`/v1/proposals/${(await askFloor({ id: 'agent-1', kind: 'agent', roles: ['agent'] })).id}/reviewers`)
    ).body;
    const names = reviewers.map(({ id }: { id: string }) => id);
    expect(names).toContain('keeper-1');
    expect(names).not.toContain('keeper-5');
  });

  it('does not name whom they keep from the tenant either, nor take their approval', async () => {
    const proposal = await askFloor({ id: 'agent-1', kind: 'agent', roles: ['agent'] });
    const { reviewers } = (await scene.as(admin).get(`/v1/proposals/${proposal.id}/reviewers`)).body;
    expect(reviewers.map(({ id }: { id: string }) => id)).not.toContain(blind.id);
    const { status, body } = await scene.as(blind).review(proposal);
    expect({ status, code: body.code }).toEqual({ status: 403, code: 'policy_forbids' });
  });

  it.each(ofProposals.map(({ name, method, path }) => [name, method, path] as const))(
    '%s: is refused to whoever may not see the tenant, but for what is theirs to take back',
    async (name, method, path) => {
      const { status, body } = await scene.as(blind).call(method.toUpperCase(), path.replace('{proposalId}', hidden.id), bodies[name]);
      expect({ status, code: body.code }).toEqual(
        name === 'withdrawProposal' ? { status: 403, code: 'not_proposer' } : { status: 403, code: 'policy_forbids' },
      );
    },
  );

  it('is seen again once other policies are in force', async () => {
    expect((await enacted(scene, scene.as(admin).post('/v1/policies/0/activate'))).status).toBe(202);
    expect((await scene.as(visitor).get(`/v1/proposals/${hidden.id}`)).status).toBe(200);
  });
});

describe('whoever may not see the tenant', () => {
  let own: Made;
  beforeAll(async () => {
    own = await askFloor(blind);
    expect((await enacted(scene, scene.as(admin).put('/v1/policies', { policies, cases }))).status).toBe(202);
  });

  it('proposes nothing and administers nothing there', async () => {
    const answers = [
      await scene.as(blind).propose('askFloor', { name: 'F' }),
      await scene.as(blind).put('/v1/switches/tenant/all', { state: 'on', reason: 'x' }),
      await scene.as(blind).put('/v1/principals/keeper-1', { teams: ['day'] }),
    ];
    for (const { status, body } of answers) expect({ status, code: body.code }).toEqual({ status: 403, code: 'policy_forbids' });
  });

  it('takes back what they proposed, and stops what runs', async () => {
    expect((await scene.as(blind).get(`/v1/proposals/${own.id}`)).status).toBe(403);
    await scene.as(blind).post(`/v1/proposals/${own.id}/withdraw`, {}); // The answer would show it, so it is a refusal to read.
    expect((await scene.as(admin).get(`/v1/proposals/${own.id}`)).body.status).toBe('withdrawn');
    const stopped = await scene.as(blind).put('/v1/switches/actionType/askFloor', { state: 'off', reason: 'x' });
    expect(stopped.status).toBe(200);
  });
});

it('a case may ask about the tenant as a whole, or about proposals of an action type that there is', async () => {
  const cases = [{ name: 'x', principal: {}, action: 'see', resource: 'no-such-type', expect: 'allow' }];
  const { status, body } = await scene.as(admin).put('/v1/policies?dryRun=true', { policies, cases });
  expect({ status, pointer: body.errors[0].pointer }).toEqual({ status: 422, pointer: '/cases/0/resource' });
});
