import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import warehouse from '../fixtures/warehouse.json' with { type: 'json' };
import { temporalAddress } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { ApiScene } from './api-scene.ts';

// A database of its own: tests/support/database.ts. The worker is the real one, in a process of its own.
const taskQueue = `api-${randomUUID()}`;
const logLines: Record<string, unknown>[] = [];
let scene: ApiScene;
let worker: WorkerProcess;
let agent: ReturnType<ApiScene['as']>;
let clerk: ReturnType<ApiScene['as']>;
let manager: ReturnType<ApiScene['as']>;

beforeAll(async () => {
  const temporal = temporalAddress();
  scene = await ApiScene.open({
    temporal,
    taskQueue,
    simulationPatienceMs: 60_000,
    suspiciousMs: 60_000,
    onLogLine: (line) => logLines.push(line),
  });
  worker = await startWorkerProcess({ databaseUrl: scene.database.urls.worker, temporal, taskQueue });
  await worker.ready();
  agent = scene.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] });
  clerk = scene.as({ id: 'clerk-1' });
  manager = scene.as({ id: 'manager-1' });
  expect((await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', warehouse)).status).toBe(201);
});
afterAll(async () => {
  await worker?.stop();
  await scene?.close();
});

/** Proposes, approves and waits for the execution. */
async function done(actionType: string, parameters: object): Promise<string> {
  const { body } = await agent.propose(actionType, parameters as never);
  expect(body.status, JSON.stringify(body.failure)).toBe('awaiting_approval');
  expect((await manager.review(body)).status).toBe(201);
  await scene.until(body.id, 'executed');
  return body.id;
}

describe('a domain the product has never seen, over HTTP', () => {
  it('is proposed, approved, executed, looked at, and reverted', async () => {
    await done('add-products', {
      rows: [
        { sku: 'AA-0001', price: '10.50', type: 'food' },
        { sku: 'AA-0002', price: '9' },
      ],
    });
    const before = (await clerk.get('/v1/objects/product/AA-0001')).body;

    const proposed = await agent.propose('discontinue', { product: 'AA-0001', substitute: 'AA-0002' });
    expect(proposed.status).toBe(201);
    expect(proposed.headers.get('location')).toBe(`/v1/proposals/${proposed.body.id}`);
    expect(proposed.body).toMatchObject({
      status: 'awaiting_approval',
      proposer: { id: 'agent-1', kind: 'agent' },
      planSummary: { edits: { create: 0, modify: 1, delete: 0, link: 1, unlink: 0 }, objectTypes: { product: 1 }, revertible: true },
      approval: { stages: [{ name: 'warehouse', status: 'open', thresholds: [{ needed: 1, given: 0, denied: 0 }] }] },
      actions: { review: { allowed: false, reason: 'agent_may_not_review' }, withdraw: { allowed: true } },
      workflow: {
        id: `proposal/${proposed.body.id}`,
        url: `http://temporal-ui.test/namespaces/default/workflows/proposal%2F${proposed.body.id}`,
      },
    });

    const plan = await manager.get(`/v1/proposals/${proposed.body.id}/plan?pageSize=1`);
    expect(plan.headers.get('etag')).toBe(`"${proposed.body.planDigest}"`);
    const rest = await manager.get(
      `/v1/proposals/${proposed.body.id}/plan?pageSize=1&pageToken=${encodeURIComponent(plan.body.nextPageToken)}`,
    );
    expect([...plan.body.edits, ...rest.body.edits].map((edit: { op: string }) => edit.op)).toEqual(['modify', 'link']);
    expect(rest.body.nextPageToken).toBeNull();
    const again = await manager.get(`/v1/proposals/${proposed.body.id}/plan`, {
      headers: { 'if-none-match': plan.headers.get('etag') ?? '', 'cache-control': 'max-age=0' },
    });
    expect(again.status).toBe(304);

    const stale = await manager.review({ id: proposed.body.id, planDigest: `sha256:${'0'.repeat(64)}` });
    expect(stale).toMatchObject({ status: 412, body: { code: 'stale_digest' } });
    expect(await agent.review(proposed.body)).toMatchObject({ status: 403, body: { code: 'agent_may_not_review' } });
    expect(await clerk.review(proposed.body)).toMatchObject({ status: 403, body: { code: 'not_eligible' } });
    expect(await manager.review(proposed.body)).toMatchObject({
      status: 201,
      body: { decision: 'approve', stage: 'warehouse', proposal: { status: 'approved', missing: '' } },
    });

    const executed = await scene.until(proposed.body.id, 'executed');
    expect(executed).toMatchObject({
      execution: { edits: 2 },
      reverted: 'none',
      reviews: [{ reviewer: { id: 'manager-1' }, counts: true }],
    });
    expect(await manager.review(proposed.body)).toMatchObject({ status: 409, body: { code: 'not_awaiting_approval' } });
    expect((await clerk.get('/v1/objects/product/AA-0001')).body).toMatchObject({ properties: { discontinued: true } });
    const linked = await clerk.get('/v1/objects/product/AA-0001/links/substitutes');
    expect(linked.body.objects.map(({ id }: { id: string }) => id)).toEqual(['AA-0002']);
    const history = await clerk.get('/v1/objects/product/AA-0001/history?pageSize=1');
    expect(history.body).toMatchObject({
      history: [{ op: 'modify', proposalId: proposed.body.id, executionId: executed.execution.id }],
      nextPageToken: expect.any(String),
    });
    const ids = async (query: string) => (await clerk.get(`/v1/objects/product?${query}`)).body.objects.map(({ id }: { id: string }) => id);
    expect(await ids(`filter=${encodeURIComponent('discontinued')}`)).toEqual(['AA-0001']);
    expect(await ids(`filter=${encodeURIComponent('!discontinued && price > decimal("8.5")')}`)).toEqual(['AA-0002']);
    expect(await ids(`orderBy=${encodeURIComponent('id desc')}`)).toEqual(['AA-0002', 'AA-0001']);
    const selected = await clerk.get('/v1/objects/product?select=discontinued&count=true&pageSize=1');
    expect(selected.body).toMatchObject({ totalCount: 2, totalCountIsLowerBound: false });
    expect(selected.body.objects[0].properties).toEqual({ discontinued: true });
    const expanded = await clerk.get(`/v1/objects/product?expand=substitutes&filter=${encodeURIComponent('id == "AA-0001"')}`);
    expect(expanded.body.objects[0].links).toMatchObject({ substitutes: { objects: [{ id: 'AA-0002' }], truncated: false } });
    const changedAt = history.body.history[0].at;
    const justBefore = new Date(Date.parse(changedAt) - 1).toISOString();
    const asOf = async (time: string) => (await clerk.get(`/v1/objects/product/AA-0001?asOf=${time}`)).body;
    expect((await asOf(changedAt)).properties.discontinued).toBe(true);
    expect((await asOf(justBefore)).properties.discontinued).not.toBe(true);
    expect(await clerk.get('/v1/objects/product/AA-0001?asOf=2999-01-01T00:00:00Z')).toMatchObject({
      status: 400,
      body: { code: 'malformed_request' },
    });
    const timeline = await clerk.get(`/v1/proposals/${proposed.body.id}/timeline`);
    expect(timeline.body.timeline.map(({ type }: { type: string }) => type)).toEqual([
      'proposal.created',
      'proposal.simulated',
      'review.recorded',
      'proposal.approved',
      'proposal.executing',
      'proposal.executed',
    ]);

    const revert = await clerk.post(`/v1/proposals/${proposed.body.id}/revert`, { justification: 'It sells after all.' });
    expect(revert).toMatchObject({
      status: 201,
      body: { status: 'awaiting_approval', revertOf: executed.execution.id, planSummary: { edits: { modify: 1, unlink: 1 } } },
    });
    expect(await clerk.post(`/v1/proposals/${proposed.body.id}/revert`, { justification: 'Twice.' })).toMatchObject({
      status: 409,
      body: { code: 'revert_open' },
    });
    expect((await manager.review(revert.body)).status).toBe(201);
    await scene.until(revert.body.id, 'executed');
    expect((await clerk.get('/v1/objects/product/AA-0001')).body.properties).toEqual(before.properties);
    expect((await clerk.get('/v1/objects/product/AA-0001/links/substitutes')).body.objects).toEqual([]);
    expect((await clerk.get(`/v1/proposals/${proposed.body.id}`)).body).toMatchObject({ reverted: 'full', revertedBy: revert.body.id });
    expect(await clerk.post(`/v1/proposals/${proposed.body.id}/revert`, { justification: 'Again.' })).toMatchObject({
      status: 409,
      body: { code: 'already_reverted' },
    });
  });

  it('is revised by the agent after a reviewer asked for changes, and reviewers see what changed', async () => {
    await done('add-products', { rows: [{ sku: 'AA-0101' }, { sku: 'AA-0102' }, { sku: 'AA-0103' }] });
    const { body: first } = await agent.propose('discontinue', { product: 'AA-0101', substitute: 'AA-0102' });
    const review = (comments: object[]) =>
      manager.post(`/v1/proposals/${first.id}/reviews`, { decision: 'request_changes', comments }, { 'if-match': `"${first.planDigest}"` });
    expect(await review([{ text: 'x', on: { type: 'product', id: 'AA-0109' } }])).toMatchObject({
      status: 422,
      body: { code: 'unknown_anchor', errors: [{ pointer: '/comments/0/on' }] },
    });
    const comments = [{ text: 'the other one', on: { link: 'substitutes', from: 'AA-0101', to: 'AA-0102' } }];
    expect(await review(comments)).toMatchObject({ status: 201, body: { proposal: { status: 'changes_requested' } } });
    const { body: seen } = await agent.get(`/v1/proposals/${first.id}`);
    expect(seen).toMatchObject({ status: 'changes_requested', reviews: [{ comments }], actions: { revise: { allowed: true } } });

    const parameters = { product: 'AA-0101', substitute: 'AA-0103' };
    const headers = { 'idempotency-key': randomUUID() };
    const revised = await agent.post(`/v1/proposals/${first.id}/revisions`, { parameters }, headers);
    expect(revised).toMatchObject({ status: 201, body: { status: 'awaiting_approval', revision: 2, parameters } });
    expect((await agent.post(`/v1/proposals/${first.id}/revisions`, { parameters }, headers)).headers.get('idempotency-replayed')).toBe(
      'true',
    );
    const { body: difference } = await manager.get(`/v1/proposals/${first.id}/plan/difference`);
    expect(difference.edits.map(({ kind }: { kind: string }) => kind).sort()).toEqual(['added', 'removed']);
    expect((await manager.review(revised.body)).status).toBe(201);
    await scene.until(first.id, 'executed');
  });

  it('is simulated without being stored, and refused with the author’s words', async () => {
    await done('add-products', { rows: [{ sku: 'BB-0001', price: '1' }] });
    const dry = await clerk.post('/v1/action-types/discontinue/simulate', { parameters: { product: 'BB-0001' } });
    expect(dry).toMatchObject({ status: 200, body: { totalEdits: 1, truncated: false, edits: [{ op: 'modify', id: 'BB-0001' }] } });
    const refused = await clerk.post('/v1/action-types/discontinue/simulate', {
      parameters: { product: 'BB-0001', substitute: 'BB-0001' },
    });
    expect(refused).toMatchObject({ status: 422, body: { code: 'criteria_failed' } });
    expect(await clerk.post('/v1/action-types/discontinue/simulate', { parameters: { product: 'ZZ-9999' } })).toMatchObject({
      status: 422,
      body: { code: 'unknown_reference', errors: [{ pointer: '/parameters/product' }] },
    });
    const invalid = await agent.propose('discontinue', { product: 'BB-0001', substitute: 'BB-0001' });
    expect(invalid).toMatchObject({
      status: 201,
      body: { status: 'invalid', planDigest: null, failure: { code: 'criteria_failed', status: 422 } },
    });
  });

  it('describes its actions, and takes a version with the name', async () => {
    const { body } = await clerk.get('/v1/action-types/reprice');
    expect(body).toMatchObject({
      name: 'reprice',
      version: 1,
      parametersSchema: { type: 'object', required: ['factor'], additionalProperties: false },
    });
    expect((await clerk.get('/v1/action-types')).body.actionTypes.length).toBe(Object.keys(warehouse.actionTypes).length);
    expect((await agent.propose('reprice@1', { factor: '1.1' })).status).toBe(201);
    expect(await agent.propose('reprice@7', { factor: '1.1' })).toMatchObject({
      status: 422,
      body: { code: 'unknown_action_type', errors: [{ pointer: '/actionType' }] },
    });
    const document = await clerk.get('/v1/ontology');
    expect(document.body).toEqual(warehouse);
    expect(await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', document.body)).toMatchObject({
      status: 200,
      body: { changed: false, version: 1 },
    });
  });
});

describe('the log', () => {
  const linesOf = (requestId: string) => logLines.filter((line) => line.msg === 'request' && line.requestId === requestId);

  it('names the proposal that a request made or asked about, and of a revert the one it takes back as well', async () => {
    const original = await agent.propose('addSupplier', { name: 'Logged' }, { 'x-request-id': 'log-propose' });
    const review = await manager.call('POST', `/v1/proposals/${original.body.id}/reviews`, {
      body: { decision: 'approve' },
      headers: { 'if-match': `"${original.body.planDigest}"`, 'x-request-id': 'log-review' },
    });
    expect(review.status).toBe(201);
    await scene.until(original.body.id, 'executed');
    const revert = await clerk.post(`/v1/proposals/${original.body.id}/revert`, {}, { 'x-request-id': 'log-revert' });
    expect(revert.status).toBe(201);
    const twice = await clerk.post(`/v1/proposals/${original.body.id}/revert`, {}, { 'x-request-id': 'log-twice' });
    expect(twice.status).toBe(409);

    const { tenant } = scene;
    const asked = { tenant, proposal: original.body.id };
    const ids = ['log-propose', 'log-review', 'log-revert', 'log-twice'];
    await expect.poll(() => ids.flatMap(linesOf).length).toBe(ids.length); // Written when the answer has gone out, which the client may be told first.
    const [proposed, reviewed, reverted, refused] = ids.flatMap(linesOf);
    expect(proposed).toMatchObject({ ...asked, status: 201, principal: 'agent-1' });
    expect(reviewed).toMatchObject({ ...asked, status: 201, principal: 'manager-1' });
    expect(reverted).toMatchObject({ tenant, proposal: revert.body.id, revertOfProposal: original.body.id, status: 201 });
    expect(refused).toMatchObject({ ...asked, status: 409 });
    for (const line of [proposed, reviewed, refused]) expect(line).not.toHaveProperty('revertOfProposal');
  });
});

describe('an idempotency key', () => {
  it('gives fifty requests at once one proposal', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(Array.from({ length: 50 }, () => agent.propose('addBins', { count: 2, zones: ['cold'] }, key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([201]);
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null).length).toBe(1);
    const list = await clerk.get('/v1/proposals?actionType=addBins');
    expect(list.body.proposals.length).toBe(1);
  });

  it('is refused with another request, and belongs to its principal', async () => {
    const key = { 'idempotency-key': 'a-key' };
    const first = await agent.propose('addBins', { count: 1, zones: ['dry'] }, key);
    expect(await agent.propose('addBins', { count: 2, zones: ['dry'] }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
    expect((await clerk.propose('addBins', { count: 2, zones: ['dry'] }, key)).body.id).not.toBe(first.body.id);
  });

  it('is not spent by a refused request', async () => {
    const key = { 'idempotency-key': 'spent?' };
    expect((await agent.propose('addBins', { count: 'two' }, key)).status).toBe(422);
    expect((await agent.propose('addBins', { count: 2, zones: ['dry'] }, key)).status).toBe(201);
  });
});

describe('at the same instant', () => {
  const fresh = async () => {
    const { body } = await agent.propose('addSupplier', { name: `S-${randomUUID().slice(0, 8)}` });
    expect(body.status).toBe('awaiting_approval');
    return body;
  };

  it('approve and reject have one outcome, and both reviewers learn it', async () => {
    for (let round = 0; round < 5; round++) {
      const proposal = await fresh();
      const answers = await Promise.all([manager.review(proposal, 'approve'), scene.as({ id: 'manager-2' }).review(proposal, 'reject')]);
      const end = await scene.until(proposal.id, 'executed', 'rejected');
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      const [winner] = answers.filter(({ status }) => status === 201);
      expect(end.status).toBe(winner?.body.decision === 'approve' ? 'executed' : 'rejected');
    }
  });

  it('withdrawal and the last approval have one outcome', async () => {
    for (let round = 0; round < 5; round++) {
      const proposal = await fresh();
      const [review, withdrawal] = await Promise.all([manager.review(proposal), agent.post(`/v1/proposals/${proposal.id}/withdraw`)]);
      const end = await scene.until(proposal.id, 'executed', 'withdrawn');
      if (end.status === 'withdrawn') {
        expect(withdrawal.status).toBe(200);
        // What was approved can still be taken back until it is executed.
        if (review.status === 201) expect(review.body.proposal.status).toBe('approved');
        else expect(review).toMatchObject({ status: 409, body: { code: 'not_awaiting_approval' } });
      } else expect([review.status, withdrawal]).toMatchObject([201, { status: 409, body: { code: 'not_withdrawable' } }]);
    }
  });

  it('reviews of one person count once', async () => {
    const proposal = await fresh();
    const answers = await Promise.all(Array.from({ length: 10 }, () => manager.review(proposal)));
    expect(answers.filter(({ status }) => status === 201).length).toBe(1);
    expect((await scene.until(proposal.id, 'executed')).reviews.length).toBe(1);
  });

  it('reverts of one execution leave one open', async () => {
    const id = await done('addSupplier', { name: `S-${randomUUID().slice(0, 8)}` });
    const answers = await Promise.all(Array.from({ length: 5 }, () => clerk.post(`/v1/proposals/${id}/revert`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
  });
});

describe('a caller who prefers to wait', () => {
  const reading = (id: string, prefer: string) => clerk.get(`/v1/proposals/${id}`, { headers: { prefer } });
  const fresh = async () => (await agent.propose('addSupplier', { name: `S-${randomUUID().slice(0, 8)}` })).body;
  let waiting: { id: string } | undefined;

  it('is answered once with what became of it, whether the wait began before or after the approval', async () => {
    const proposal = await fresh();
    const before = reading(proposal.id, 'wait=60');
    expect((await manager.review(proposal)).status).toBe(201);
    const after = reading(proposal.id, 'respond-async, wait=60');
    for (const { status, headers, body } of await Promise.all([before, after])) {
      expect({ status, body }).toMatchObject({ status: 200, body: { status: 'executed', execution: { edits: 1 } } });
      // Whoever comes after the end has nothing to wait for.
      expect(['wait=60', null]).toContain(headers.get('preference-applied'));
    }
    expect((await before).headers.get('preference-applied')).toBe('wait=60');
    const late = await reading(proposal.id, 'wait=60');
    expect(late.body.status).toBe('executed');
    expect(late.headers.get('preference-applied')).toBeNull();
  });

  it('hears of the execution in the answer to the last approval', async () => {
    const proposal = await fresh();
    const approve = { decision: 'approve' };
    const headers = { 'if-match': `"${proposal.planDigest}"`, prefer: 'wait=60' };
    const answer = await manager.post(`/v1/proposals/${proposal.id}/reviews`, approve, headers);
    expect(answer).toMatchObject({
      status: 201,
      body: { decision: 'approve', proposal: { status: 'executed', planDigest: proposal.planDigest } },
    });
    expect(answer.headers.get('preference-applied')).toBe('wait=60');
    const rejected = await fresh();
    const rejection = { 'if-match': `"${rejected.planDigest}"`, prefer: 'wait=60' };
    const end = await manager.post(`/v1/proposals/${rejected.id}/reviews`, { decision: 'reject', reason: 'no' }, rejection);
    expect(end.body.proposal.status).toBe('rejected'); // Final with the review itself: nothing to wait for.
    expect(end.headers.get('preference-applied')).toBeNull();
  });

  it('is told how it stands when the time is over', async () => {
    const proposal = await fresh();
    const startedAt = Date.now();
    const answer = await reading(proposal.id, 'wait=1');
    const waitedMs = Date.now() - startedAt;
    expect(answer).toMatchObject({ status: 200, body: { status: 'awaiting_approval' } });
    expect(answer.headers.get('preference-applied')).toBe('wait=1');
    expect(waitedMs).toBeGreaterThan(900);
    expect(waitedMs).toBeLessThan(30_000); // A second, and what two busy cores add: half of the longest wait.
  });

  it.each(['wait', 'wait=', 'wait=soon', 'wait=-20', 'wait=20s', 'wait=2e1', 'wait=99999', 'await=20', 'return=minimal', ';;,=', 'wait=0'])(
    'is answered at once when what is preferred is %s',
    async (prefer) => {
      const proposal = waiting ?? (await fresh());
      waiting = proposal;
      const answer = await reading(proposal.id, prefer);
      expect(answer).toMatchObject({ status: 200, body: { status: 'awaiting_approval' } });
      expect(answer.headers.get('preference-applied')).toBeNull();
    },
  );
});

it('a delegate approves on behalf of whoever is away, until that is revoked', async () => {
  const wish = { delegate: 'clerk-1', endsAt: new Date(Date.now() + 86_400_000).toISOString(), reason: 'On leave.' };
  await clerk.get('/v1/delegations'); // So that the directory knows them.
  const { body: asked } = await manager.put('/v1/delegations/leave', wish);
  expect(asked).toMatchObject({ delegation: null, proposal: { status: 'awaiting_approval' } });
  expect((await scene.as({ id: 'access-admin-1' }).review(asked.proposal)).status).toBe(201);
  await scene.until(asked.proposal.id, 'executed');
  const { body: granted } = await manager.put('/v1/delegations/leave', wish);
  expect(granted).toMatchObject({ delegation: { delegator: 'manager-1', state: 'holds' }, proposal: null });
  const { body: proposed } = await agent.propose('add-products', { rows: [{ sku: 'ZZ-0001', price: '1', type: 'food' }] });
  const { reviewers } = (await clerk.get(`/v1/proposals/${proposed.id}/reviewers`)).body;
  expect(reviewers).toContainEqual(expect.objectContaining({ id: 'clerk-1', onBehalfOf: 'manager-1' }));
  const review = (onBehalfOf: string) =>
    clerk.post(`/v1/proposals/${proposed.id}/reviews`, { decision: 'approve', onBehalfOf }, { 'if-match': `"${proposed.planDigest}"` });
  expect(await review('manager-2')).toMatchObject({ status: 403, body: { code: 'not_delegated' } });
  expect(await review('manager-1')).toMatchObject({ status: 201, body: { reviewer: { id: 'clerk-1' }, onBehalfOf: 'manager-1' } });
  await scene.until(proposed.id, 'executed');
  expect((await clerk.get('/v1/delegations')).body).toMatchObject({
    delegations: [{ id: 'leave', reason: 'On leave.' }],
    truncated: false,
  });
  expect(await clerk.call('DELETE', '/v1/delegations/leave')).toMatchObject({
    status: 200,
    body: { state: 'revoked', revokedBy: 'clerk-1' },
  });
  expect((await manager.get('/v1/delegations/leave')).body).toMatchObject({ state: 'revoked' });
});
