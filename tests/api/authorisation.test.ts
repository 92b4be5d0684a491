import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../api/routes.ts';
import { expressPath } from '../../api/serve-route.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { building } from '../store/fixture.ts';
import { ApiScene, type Person } from './api-scene.ts';

// Over HTTP, every route and who is let in; a database of its own: tests/support/database.ts. What an answer depends on besides is in tests/governance/decision-matrix.ts.
let scene: ApiScene;

beforeAll(async () => {
  scene = await ApiScene.open();
  await scene.as(people.admin).put('/v1/ontology', building);
  await scene.as(people.disabled).get('/v1/object-types'); // Known to the directory, and then disabled there.
  await scene.as(people.accessAdmin).put('/v1/principals/keeper-9', { disabled: true });
});
afterAll(() => scene?.close());

const people = {
  keeper: { id: 'keeper-1' },
  agent: { id: 'agent-1', kind: 'agent', roles: ['agent'] },
  auditor: { id: 'auditor-1' },
  admin: { id: 'ontology-admin-1' },
  accessAdmin: { id: 'access-admin-1' },
  operator: { id: 'operator-1' },
  agentAsOperator: { id: 'agent-4', kind: 'agent', roles: ['operator'] },
  agentAsAccessAdmin: { id: 'agent-3', kind: 'agent', roles: ['access-admin'] },
  agentAsAdmin: { id: 'agent-2', kind: 'agent', roles: ['ontology-admin'] },
  nobody: { id: 'nobody', roles: [] },
  disabled: { id: 'keeper-9' },
} satisfies Record<string, Person>;

/** Who may. Everybody else is refused with 403 and leaves no trace; whoever is let in gets `answers`. */
type Admitted = readonly (keyof typeof people)[];
const readers: Admitted = [
  'keeper',
  'agent',
  'auditor',
  'admin',
  'accessAdmin',
  'agentAsAccessAdmin',
  'operator',
  'agentAsOperator',
  'agentAsAdmin',
];
const actors: Admitted = ['keeper', 'agent', 'admin', 'accessAdmin', 'agentAsAccessAdmin', 'operator', 'agentAsOperator', 'agentAsAdmin'];

const somebody = '00000000-0000-0000-0000-000000000000';
const review = { body: { decision: 'approve' }, headers: { 'if-match': '"x"' } };

/** One row per route: how it is called and who may call it. A route without a row fails the first test. What depends on a proposal is in tests/governance/decision-matrix.ts. */
const rows: Record<
  string,
  {
    /** What depends on a schedule is in tests/schedules. */
    /** `operators of the installation` have tokens of another audience: tests/evidence/system-chain.test.ts. */
    admitted: Admitted | 'public' | 'operators of the installation' | 'depends on the proposal' | 'depends on the schedule';
    answers?: number;
    path?: string;
    body?: unknown;
    headers?: Record<string, string>;
  }
> = {
  putOntology: { admitted: ['admin'], body: building },
  getOntology: { admitted: readers },
  listOntologyVersions: { admitted: readers },
  diffOntology: { admitted: readers, path: '/v1/ontology/diff?from=1&to=1' },
  listIndexes: { admitted: readers },
  listMigrations: { admitted: readers },
  getMigration: { admitted: readers, answers: 404, path: `/v1/ontology/migrations/${somebody}` },
  cancelMigration: { admitted: ['admin'], answers: 404, path: `/v1/ontology/migrations/${somebody}/cancel`, body: { reason: 'because' } },
  getOntologySchema: { admitted: 'public' },
  listObjectTypes: { admitted: readers },
  listActionTypes: { admitted: readers },
  getActionType: { admitted: readers, path: '/v1/action-types/closeRoom' },
  simulateAction: { admitted: actors, path: '/v1/action-types/addFloor/simulate', body: { parameters: { name: 'F1', rooms: [] } } },
  createProposal: {
    admitted: actors,
    answers: 202,
    body: { actionType: 'addFloor', parameters: { name: 'F1', rooms: [] }, justification: 'x' },
  },
  simulateChangeSet: {
    admitted: actors,
    path: '/v1/proposals:simulate',
    body: { changeSet: { actions: [{ actionType: 'addFloor', parameters: { name: 'F1', rooms: [] } }] } },
  },
  createProposals: {
    admitted: actors,
    path: '/v1/proposals:batch',
    headers: { 'idempotency-key': 'batch' },
    body: { proposals: [{ actionType: 'addFloor', parameters: { name: 'F1', rooms: [] }, justification: 'x' }] },
  },
  createSchedule: {
    admitted: actors,
    answers: 201,
    path: '/v1/schedules',
    body: { actionType: 'askFloor', parameters: { name: 'F1' }, justification: 'x', timing: { every: 'P1D' } },
  },
  listSchedules: { admitted: readers },
  getSchedule: { admitted: readers, answers: 404, path: `/v1/schedules/${somebody}` },
  pauseSchedule: { admitted: 'depends on the schedule', path: `/v1/schedules/${somebody}/pause`, body: { reason: 'x' } },
  resumeSchedule: { admitted: 'depends on the schedule', path: `/v1/schedules/${somebody}/resume`, body: { reason: 'x' } },
  triggerSchedule: { admitted: 'depends on the schedule', path: `/v1/schedules/${somebody}/trigger`, body: { reason: 'x' } },
  deleteSchedule: { admitted: 'depends on the schedule', path: `/v1/schedules/${somebody}` },
  listProposals: { admitted: readers },
  getProposal: { admitted: readers, answers: 404, path: `/v1/proposals/${somebody}` },
  getPlan: { admitted: readers, answers: 404, path: `/v1/proposals/${somebody}/plan` },
  getPlanDifference: { admitted: readers, answers: 404, path: `/v1/proposals/${somebody}/plan/difference` },
  getDecisions: { admitted: readers, answers: 404, path: `/v1/proposals/${somebody}/decisions` },
  getCheckpoint: { admitted: readers, answers: 409 },
  exportAudit: { admitted: ['auditor', 'admin', 'accessAdmin'], answers: 409 },
  listAuditEntries: { admitted: ['auditor', 'admin', 'accessAdmin'], answers: 409 },
  getAuditProof: { admitted: ['auditor', 'admin', 'accessAdmin'], answers: 409, path: '/v1/audit/proof?entry=1' },
  getLogCheckpoint: { admitted: ['auditor', 'admin', 'accessAdmin'], answers: 409 },
  getLogTile: { admitted: ['auditor', 'admin', 'accessAdmin'], answers: 404, path: '/v1/audit/log/tile/0/000' },
  getSystemCheckpoint: { admitted: 'operators of the installation' },
  getSystemLogCheckpoint: { admitted: 'operators of the installation' },
  getSystemLogTile: { admitted: 'operators of the installation', path: '/v1/system/audit/log/tile/0/000' },
  exportSystemAudit: { admitted: 'operators of the installation' },
  getEvidence: { admitted: ['auditor', 'admin', 'accessAdmin'], answers: 404, path: `/v1/proposals/${somebody}/evidence` },
  listEvents: { admitted: readers },
  getEvent: { admitted: readers, answers: 404, path: '/v1/events/0000000000999999.00000001' },
  getTimeline: { admitted: readers, answers: 404, path: `/v1/proposals/${somebody}/timeline` },
  listReviewers: { admitted: readers, answers: 404, path: `/v1/proposals/${somebody}/reviewers` },
  breakGlass: {
    admitted: 'depends on the proposal',
    path: `/v1/proposals/${somebody}/break-glass`,
    body: { planDigest: 'x', reason: 'x' },
  },
  reviewEmergency: {
    admitted: 'depends on the proposal',
    path: `/v1/proposals/${somebody}/post-review`,
    body: { verdict: 'justified', comment: 'x' },
  },
  reviewProposal: { admitted: 'depends on the proposal', path: `/v1/proposals/${somebody}/reviews`, ...review },
  reviseProposal: { admitted: 'depends on the proposal', path: `/v1/proposals/${somebody}/revisions`, body: { parameters: {} } },
  withdrawProposal: { admitted: 'depends on the proposal', path: `/v1/proposals/${somebody}/withdraw`, body: {} },
  cancelProposal: { admitted: 'depends on the proposal', path: `/v1/proposals/${somebody}/cancel`, body: { reason: 'x' } },
  resolveProposal: {
    admitted: 'depends on the proposal',
    path: `/v1/proposals/${somebody}/resolve`,
    headers: { 'if-match': '"x"' },
    body: { choice: 'skip', reason: 'x' },
  },
  listEndpoints: { admitted: readers },
  putEndpointSecret: { admitted: ['admin'], answers: 404, path: '/v1/endpoints/none/secrets/signing', body: {} },
  deleteEndpointSecret: { admitted: ['admin'], answers: 404, path: '/v1/endpoints/none/secrets/signing' },
  revertProposal: { admitted: 'depends on the proposal', path: `/v1/proposals/${somebody}/revert`, body: { justification: 'x' } },
  listSubscriptions: { admitted: readers },
  getSubscription: { admitted: readers, answers: 404, path: '/v1/subscriptions/none' },
  putSubscription: { admitted: ['admin'], answers: 202, path: '/v1/subscriptions/shop', body: { url: 'https://shop.example/hook' } },
  deleteSubscription: { admitted: ['admin'], answers: 404, path: '/v1/subscriptions/none' },
  putSubscriptionSecret: { admitted: ['admin'], answers: 404, path: '/v1/subscriptions/none/secret', body: {} },
  testSubscription: { admitted: ['admin'], answers: 404, path: '/v1/subscriptions/none/test' },
  replaySubscription: { admitted: ['admin'], answers: 404, path: '/v1/subscriptions/none/replay', body: { from: 'now' } },
  listDeadLetters: { admitted: readers, answers: 404, path: '/v1/subscriptions/none/dead-letters' },
  redeliverDeadLetter: {
    admitted: ['admin'],
    answers: 404,
    path: '/v1/subscriptions/none/dead-letters/0000000000000001.00000001/redeliver',
  },
  listObjects: { admitted: readers, path: '/v1/objects/room' },
  getObject: { admitted: readers, answers: 404, path: '/v1/objects/room/1' },
  getHistory: { admitted: readers, answers: 404, path: '/v1/objects/room/1/history' },
  getLinks: { admitted: readers, answers: 404, path: '/v1/objects/floor/1/links/rooms' },
  putPolicies: { admitted: ['admin'], answers: 202, body: { policies: { all: 'permit (principal, action, resource);' }, cases: [] } },
  listPolicies: { admitted: readers },
  getPolicies: { admitted: readers, path: '/v1/policies/0' },
  activatePolicies: { admitted: ['admin'], path: '/v1/policies/0/activate' },
  listPrincipals: { admitted: readers },
  getPrincipal: { admitted: readers, path: '/v1/principals/keeper-1' },
  putPrincipal: { admitted: ['accessAdmin'], answers: 202, path: '/v1/principals/somebody', body: { teams: ['night'] } },
  erasePrincipal: { admitted: ['accessAdmin'], answers: 409, path: '/v1/principals/keeper-1/erasure', body: { reason: 'x' } },
  listDelegations: { admitted: readers },
  getDelegation: { admitted: readers, answers: 404, path: '/v1/delegations/none' },
  putDelegation: {
    admitted: ['keeper'],
    answers: 422,
    path: '/v1/delegations/some',
    body: { delegator: 'keeper-1', delegate: 'nobody-known', endsAt: '2999-01-01T00:00:00.000Z', reason: 'x' },
  },
  // Either of the two may besides; see tests/store/delegations.test.ts.
  deleteDelegation: { admitted: readers, answers: 404, path: '/v1/delegations/none' },
  listSwitches: { admitted: readers },
  listFreezeWindows: { admitted: readers },
  putFreezeWindow: {
    admitted: ['operator'],
    path: '/v1/freeze-windows/past',
    body: { reason: 'x', once: { from: '2020-01-01T00:00:00Z', until: '2020-01-02T00:00:00Z' } },
  },
  deleteFreezeWindow: { admitted: ['operator'], answers: 404, path: '/v1/freeze-windows/nothing?reason=x' },
  listHeldEvents: { admitted: readers },
  resolveHeldEvent: { admitted: ['operator'], answers: 404, path: '/v1/held-events/none/resolve', body: { choice: 'skip', reason: 'x' } },
  putSwitch: { admitted: ['operator'], path: '/v1/switches/actionType/nothing', body: { state: 'off', reason: 'x' } },
  getLiveness: { admitted: 'public' },
  getReadiness: { admitted: 'public' },
  getMetrics: { admitted: 'public' },
  getOpenApi: { admitted: 'public' },
  getAsyncApi: { admitted: 'public' },
  getEventSchema: { admitted: 'public', path: '/schemas/events/proposal.created.json' },
  getDocs: { admitted: 'public' },
};

/** But that somebody was refused, or is disabled and knocked, which is told so often and no more. */
async function auditEntries(): Promise<string | undefined> {
  const [row] = await withTenantPrisma(scene.pool, scene.tenant, (tx) =>
    tx.rows<{ count: string }>(
      "SELECT count(*)::text AS count FROM exequatur.audit_entry e WHERE e.type NOT IN ('login.refused', 'decision.refused')",
    ),
  );
  return row?.count;
}

describe('every route', () => {
  it('has a row in this table, and every row a route', () => {
    expect(Object.keys(rows).sort()).toEqual(routes.map(({ name }) => name).sort());
  });

  for (const route of routes) {
    const row = rows[route.name];
    if (row === undefined) continue;
    const { admitted, answers = 200, path = route.path, body, headers = {} } = row;
    const more = { headers, ...(body === undefined ? {} : { body }) };
    const method = route.method.toUpperCase();

    if (admitted === 'public') {
      it(`${route.name} answers everybody`, async () => {
        expect(route.permission).toBe('public');
        expect((await scene.call(method, path, more)).status).toBe(200);
      });
      continue;
    }

    it(`${route.name} answers nobody without a token`, async () => {
      expect(route.permission).not.toBe('public');
      const answer = await scene.call(method, path, more);
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    });

    if (admitted === 'operators of the installation') {
      it.each(Object.keys(people) as (keyof typeof people)[])(`${route.name} is for no role of a tenant: %s`, async (who) => {
        expect(await scene.as(people[who]).call(method, path, more)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
      });
      continue;
    }
    if (typeof admitted === 'string') {
      it.each(Object.keys(people) as (keyof typeof people)[])(
        `${route.name} finds nothing that there is not, for anybody: %s`,
        async (who) => {
          const before = await auditEntries();
          const { status, body: answered } = await scene.as(people[who]).call(method, path, more);
          expect({ status, code: answered.code }).toEqual({ status: 404, code: 'not_found' });
          expect(await auditEntries()).toBe(before);
        },
      );
      continue;
    }
    it.each(Object.keys(people) as (keyof typeof people)[])(`${route.name} knows whether to admit: %s`, async (who) => {
      const before = await auditEntries();
      const { status, body: answered } = await scene.as(people[who]).call(method, path, more);
      if (admitted.includes(who)) return expect(status, JSON.stringify(answered)).toBe(answers);
      expect({ status, code: answered.code }).toEqual({ status: 403, code: 'forbidden' });
      expect(await auditEntries()).toBe(before);
    });
  }
});

describe('a tenant', () => {
  it('that is unknown is nobody’s', async () => {
    const stranger = scene.as({ id: 'keeper-1', tenant: 'ffffffff-ffff-ffff-ffff-ffffffffffff' });
    expect((await stranger.get('/v1/object-types')).status).toBe(403);
    expect((await stranger.propose('addFloor', { name: 'F1', rooms: [] })).status).toBe(403);
    expect((await stranger.put('/v1/ontology', building)).status).toBe(403);
  });

  it('sees nothing of another', async () => {
    const other = await scene.database.createTenant();
    const { body: mine } = await scene.as(people.keeper).propose('addFloor', { name: 'F9', rooms: [] });
    const stranger = scene.as({ id: 'keeper-1', tenant: other });
    for (const path of [`/v1/proposals/${mine.id}`, `/v1/proposals/${mine.id}/plan`, `/v1/proposals/${mine.id}/timeline`, '/v1/ontology']) {
      expect((await stranger.get(path)).status, path).toBe(404);
    }
    expect((await stranger.post(`/v1/proposals/${mine.id}/withdraw`, {})).status).toBe(404);
    expect((await stranger.review({ id: mine.id, planDigest: 'x' })).status).toBe(404);
    expect((await stranger.get('/v1/proposals')).body).toEqual({ proposals: [], nextPageToken: null });
    expect((await stranger.get('/v1/objects/room')).status).toBe(404);
  });
});

it('paths in this file are those of the routes', () => {
  for (const route of routes) {
    const path = rows[route.name]?.path ?? route.path;
    expect(path.split('/').length).toBe(expressPath(route.path).split('/').length);
  }
});
