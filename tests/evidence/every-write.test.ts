// Whoever changes anything leaves an entry: every route that writes is called so that it does, over a clone from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../api/routes.ts';
import { openPool } from '../../store/connect.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { withTenant } from '../../store/sql.ts';
import { type Answer, ApiScene } from '../api/api-scene.ts';
import { building } from '../store/fixture.ts';

const document = structuredClone(building);
Object.assign(document.approvalPolicies['two-stage'], {
  breakGlass: { roles: ['on-call'], approvals: 0, reviewWithin: 'PT30M', reviewers: "'chief' in reviewer.roles" },
});
Object.assign(document, { endpoints: { carrier: { url: 'https://carrier.test/' } } });

let scene: ApiScene;
let worker: pg.Pool;
let made = 0;
beforeAll(async () => {
  scene = await ApiScene.open();
  worker = openPool(scene.database.urls.worker);
  expect((await as('ontology-admin-1').put('/v1/ontology', document)).status).toBe(201);
  for (const who of ['keeper-1', 'keeper-2', 'officer-1', 'access-admin-1', 'chief-1', 'on-call-1']) await as(who).get('/v1/object-types');
});
afterAll(async () => {
  await worker?.end();
  await scene?.close();
});

/** Who calls in place of whoever may. */
let impostor: string | null = null;
const as = (id: string) => scene.as(impostor === null ? { id } : { id: impostor, roles: [] });
const agent = () => (impostor === null ? scene.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] }) : as('agent-1'));
const proposing = () => ({ actionType: 'askFloorTwice', parameters: { name: `W${++made}` }, justification: 'because' });
type Plan = { id: string; planDigest: string };

async function planned(): Promise<Plan> {
  const { body } = await agent().post('/v1/proposals', proposing());
  const settled = await simulateProposal(worker, scene.tenant, body.id, scene.context.resources.deps);
  return { id: body.id, planDigest: settled?.digest ?? '' };
}

async function executed(plan: Plan): Promise<Plan> {
  const settled = await executeProposal(worker, scene.tenant, plan.id, scene.context.resources.deps);
  expect(settled?.status).toBe('executed');
  return plan;
}

async function approved(): Promise<Plan> {
  const plan = await planned();
  for (const who of ['keeper-1', 'officer-1']) expect((await as(who).review(plan)).status).toBe(201);
  return plan;
}

const smash = ({ id, planDigest }: Plan) => as('on-call-1').post(`/v1/proposals/${id}/break-glass`, { planDigest, reason: 'fire' });
const scheduled = async (): Promise<string> =>
  (await as('keeper-1').post('/v1/schedules', { ...proposing(), timing: { every: 'P7D' } })).body.id;
const window = (name: string) =>
  as('operator-1').put(`/v1/freeze-windows/${name}`, {
    reason: 'x',
    once: { from: '2020-01-01T00:00:00Z', until: '2020-01-02T00:00:00Z' },
  });
const delegated = (id: string, more = {}) =>
  as('keeper-1').put(`/v1/delegations/${id}`, {
    delegator: 'keeper-1',
    delegate: 'keeper-2',
    endsAt: new Date(Date.now() + 86_400_000).toISOString(),
    reason: 'away',
    ...more,
  });

const subscribed = (name: string, more = {}) =>
  as('ontology-admin-1').put(`/v1/subscriptions/${name}`, { url: 'https://receiver.test/', ...more });

/** A new one takes a second administrator. */
async function approvedSubscription(more = {}): Promise<string> {
  const name = `s${++made}`;
  const { status, body } = await subscribed(name, more);
  expect(status, JSON.stringify(body)).toBe(202);
  const settled = await simulateProposal(worker, scene.tenant, body.proposal.id, scene.context.resources.deps);
  expect((await as('ontology-admin-2').review({ id: body.proposal.id, planDigest: settled?.digest ?? '' })).status).toBe(201);
  await executed({ id: body.proposal.id, planDigest: '' });
  return name;
}

/** What makes ready, and then the call itself; or why there is none. */
type Row = { ready?: () => Promise<unknown>; call: (ready: never) => Promise<Answer> } | string;
const prepared = <T>(ready: () => Promise<T>, call: (ready: T) => Promise<Answer>): Row => ({
  ready,
  call: call as (ready: never) => Promise<Answer>,
});

const rows: Record<string, Row> = {
  simulateAction: 'stores nothing',
  simulateChangeSet: 'stores nothing',
  cancelMigration: 'of a migration under way: tests/store/ontology-migration.test.ts',
  cancelProposal: 'of an execution with effects under way: tests/effects/stop.test.ts',
  resolveProposal: 'of an execution that awaits a person: tests/effects/stop.test.ts',
  putOntology: { call: () => as('ontology-admin-1').put('/v1/ontology', { ...document, revertWithin: 'P30D' }) },
  createProposal: { call: () => agent().post('/v1/proposals', proposing()) },
  createProposals: {
    call: () => agent().post('/v1/proposals:batch', { proposals: [proposing()] }, { 'idempotency-key': `batch-${++made}` }),
  },
  reviewProposal: prepared(planned, (plan) => as('keeper-1').review(plan)),
  reviseProposal: prepared(
    async () => {
      const plan = await planned();
      await as('keeper-1').review(plan, 'request_changes');
      return plan;
    },
    ({ id }) => agent().post(`/v1/proposals/${id}/revisions`, { parameters: { name: `W${++made}` } }),
  ),
  withdrawProposal: prepared(planned, ({ id }) => agent().post(`/v1/proposals/${id}/withdraw`, {})),
  breakGlass: prepared(planned, smash),
  reviewEmergency: prepared(
    async () => {
      const plan = await planned();
      expect((await smash(plan)).status).toBeLessThan(300);
      return executed(plan);
    },
    ({ id }) => as('chief-1').post(`/v1/proposals/${id}/post-review`, { verdict: 'justified', comment: 'it burnt' }),
  ),
  revertProposal: prepared(
    async () => executed(await approved()),
    ({ id }) => as('keeper-1').post(`/v1/proposals/${id}/revert`, { justification: 'x' }),
  ),
  createSchedule: { call: () => as('keeper-1').post('/v1/schedules', { ...proposing(), timing: { every: 'P7D' } }) },
  pauseSchedule: prepared(scheduled, (id) => as('keeper-1').post(`/v1/schedules/${id}/pause`, { reason: 'x' })),
  resumeSchedule: prepared(
    async () => {
      const id = await scheduled();
      await as('keeper-1').post(`/v1/schedules/${id}/pause`, { reason: 'x' });
      return id;
    },
    (id) => as('keeper-1').post(`/v1/schedules/${id}/resume`, { reason: 'x' }),
  ),
  triggerSchedule: prepared(scheduled, (id) => as('keeper-1').post(`/v1/schedules/${id}/trigger`, { reason: 'x' })),
  deleteSchedule: prepared(scheduled, (id) => as('keeper-1').call('DELETE', `/v1/schedules/${id}`)),
  putEndpointSecret: { call: () => as('ontology-admin-1').put('/v1/endpoints/carrier/secrets/signing', {}) },
  deleteEndpointSecret: prepared(
    () => as('ontology-admin-1').put('/v1/endpoints/carrier/secrets/signing', {}),
    () => as('ontology-admin-1').call('DELETE', '/v1/endpoints/carrier/secrets/signing'),
  ),
  putPrincipal: { call: () => as('access-admin-1').put('/v1/principals/keeper-2', { name: 'Keeper' }) },
  erasePrincipal: prepared(
    () => as('access-admin-1').put('/v1/principals/gone-1', { disabled: true }),
    () => as('access-admin-1').post('/v1/principals/gone-1/erasure', { reason: 'request 17' }),
  ),
  putDelegation: { call: () => delegated('d1') },
  deleteDelegation: prepared(
    async () => {
      const name = `d${++made}`;
      const { body } = await delegated(name);
      const id = body.proposal?.id ?? body.proposalId;
      const settled = await simulateProposal(worker, scene.tenant, id, scene.context.resources.deps);
      if (settled?.status === 'awaiting_approval') await as('access-admin-1').review({ id, planDigest: settled.digest });
      await executed({ id, planDigest: '' });
      return name;
    },
    (name) => as('keeper-1').call('DELETE', `/v1/delegations/${name}`),
  ),
  putPolicies: {
    call: () => as('ontology-admin-1').put('/v1/policies', { policies: { all: 'permit (principal, action, resource);' }, cases: [] }),
  },
  activatePolicies: 'of a version that is not in force, by a proposal as putPolicies: tests/store/policies.test.ts',
  resolveHeldEvent: 'of an event that a broker does not take: tests/events/publish-events.test.ts',
  putSubscription: { call: () => subscribed('s1') },
  deleteSubscription: prepared(
    () => approvedSubscription(),
    (name) => as('ontology-admin-1').call('DELETE', `/v1/subscriptions/${name}`),
  ),
  putSubscriptionSecret: prepared(
    () => approvedSubscription(),
    (name) => as('ontology-admin-1').put(`/v1/subscriptions/${name}/secret`, {}),
  ),
  testSubscription: prepared(
    () => approvedSubscription(),
    (name) => as('ontology-admin-1').post(`/v1/subscriptions/${name}/test`, {}),
  ),
  replaySubscription: prepared(
    () => approvedSubscription({ from: 'beginning' }),
    (name) => as('ontology-admin-1').post(`/v1/subscriptions/${name}/replay`, { from: 'beginning' }),
  ),
  redeliverDeadLetter: 'of an event that an endpoint did not take: tests/events/webhooks.test.ts',
  putSwitch: { call: () => as('operator-1').put('/v1/switches/actionType/closeFloor', { state: 'off', reason: 'x' }) },
  putFreezeWindow: { call: () => window('w1') },
  deleteFreezeWindow: prepared(
    () => window('w2'),
    () => as('operator-1').call('DELETE', '/v1/freeze-windows/w2?reason=x'),
  ),
};

async function entries(): Promise<number> {
  const [row] = await withTenant(worker, scene.tenant, (tx) =>
    tx.rows<{ entries: number }>('SELECT count(*)::int AS entries FROM exequatur.audit_entry e'),
  );
  return row?.entries ?? 0;
}

describe('every route that writes', () => {
  const writing = routes.filter(({ method }) => method !== 'get');

  it('is in this table, and every row is such a route', () => {
    expect(Object.keys(rows).sort()).toEqual(writing.map(({ name }) => name).sort());
  });

  it.each(writing.flatMap(({ name }) => (typeof rows[name] === 'object' ? [[name] as const] : [])))('%s leaves an entry', async (name) => {
    const row = rows[name] as Exclude<Row, string>;
    const ready = (await row.ready?.()) as never;
    const before = await entries();
    const { status, body } = await row.call(ready);
    expect(status, JSON.stringify(body)).toBeLessThan(300);
    expect(await entries()).toBeGreaterThan(before);
  });
  it.each(writing.flatMap(({ name }) => (typeof rows[name] === 'object' ? [[name] as const] : [])))(
    '%s leaves an entry where it is refused',
    async (name) => {
      const row = rows[name] as Exclude<Row, string>;
      const ready = (await row.ready?.()) as never;
      const before = await entries();
      impostor = `nobody-${++made}`;
      const { status, body } = await row.call(ready).finally(() => {
        impostor = null;
      });
      expect(refusedInside(body) ?? status, JSON.stringify(body)).toBe(403);
      expect(await entries()).toBeGreaterThan(before);
    },
  );
});

/** A batch answers for each of what it holds. */
const refusedInside = (body: { results?: { problem?: { status: number } }[] }): number | undefined => body?.results?.[0]?.problem?.status;
