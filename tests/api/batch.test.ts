import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { openPool } from '../../store/connect.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { building } from '../store/fixture.ts';
import { ApiScene } from './api-scene.ts';

let scene: ApiScene;
let agent: ReturnType<ApiScene['as']>;
let worker: pg.Pool;
const deps = { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) };
const noteRoom = {
  parameters: { room: { type: 'reference', to: 'room', required: true }, note: { type: 'string', required: true, sensitive: true } },
  rules: [{ rule: 'modify', type: 'room', object: 'room', set: { note: 'note' } }],
  sensitiveReaders: "'vault' in reader.roles",
  approvalPolicy: 'one-keeper',
};
beforeAll(async () => {
  scene = await ApiScene.open();
  worker = openPool(scene.database.urls.worker);
  const admin = scene.as({ id: 'ontology-admin-1' });
  expect((await admin.put('/v1/ontology', { ...building, actionTypes: { ...building.actionTypes, noteRoom } })).status).toBe(201);
  agent = scene.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] });
});
afterAll(async () => {
  await worker?.end();
  await scene?.close();
});

const floors = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ actionType: 'askFloor', parameters: { name: `F${i}` }, justification: 'a floor' }));
const send = (proposals: object[], key: string) => agent.post('/v1/proposals:batch', { proposals }, { 'idempotency-key': key });
const stored = async () => (await agent.get('/v1/proposals?pageSize=200')).body.proposals.length;

describe('a batch of proposals', () => {
  it('makes each by itself, and says of those that are refused why', async () => {
    const before = await stored();
    const bad = [
      { actionType: 'nothing', parameters: {}, justification: 'x' },
      { actionType: 'askFloor', parameters: { name: 7 }, justification: 'x' },
    ];
    const { status, body } = await send([...floors(3), ...bad], 'one');
    expect(status).toBe(200);
    expect(body).toMatchObject({ accepted: 3, refused: 2 });
    expect(body.results.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(body.results[3].problem).toMatchObject({ code: 'unknown_action_type', status: 422, errors: [{ pointer: '/actionType' }] });
    expect(body.results[4].problem).toMatchObject({ code: 'invalid_parameters', errors: [{ pointer: '/parameters/name' }] });
    expect(await stored()).toBe(before + 3);
  });

  it('that is sent again makes nothing twice, also many times at once', async () => {
    const before = await stored();
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(floors(20), 'two')));
    const ids = answers.map(({ body }) => body.results.map(({ proposalId }: { proposalId: string }) => proposalId));
    expect(new Set(ids.map((list) => list.join())).size).toBe(1);
    expect(await stored()).toBe(before + 20);
  });

  it('has keys of its own, which no key that a client gives can be', async () => {
    const [floor] = floors(1);
    for (const own of ['mine#0', 'mine 0', 'mine.0']) await agent.post('/v1/proposals', floor, { 'idempotency-key': own });
    expect((await send(floors(2), 'mine')).body).toMatchObject({
      accepted: 2,
      refused: 0,
      results: [{ repeated: false }, { repeated: false }],
    });
    expect((await agent.post('/v1/proposals', floor, { 'idempotency-key': 'mine 0' })).status).toBe(400);
    expect((await send(floors(1), 'mine 0')).status).toBe(400);
  });

  it('must have a key, at least one proposal and at most a thousand', async () => {
    expect((await agent.post('/v1/proposals:batch', { proposals: floors(1) })).status).toBe(400);
    expect((await send([], 'none')).status).toBe(400);
    expect((await send(floors(1_001), 'many')).status).toBe(400);
  });

  it('with another content under the same key is refused, one by one', async () => {
    await send(floors(1), 'same');
    const { body } = await send([{ actionType: 'askFloor', parameters: { name: 'other' }, justification: 'x' }], 'same');
    expect(body.results[0].problem).toMatchObject({ code: 'idempotency_key_reused' });
  });
});

describe('a change set', () => {
  const actions = (name: string, seats: unknown = 9) => [
    { actionType: 'addFloor', parameters: { name, rooms: [{ code: `${name}-1`, seats: 2 }] } },
    { actionType: 'setSeats', parameters: { room: `${name}-1`, seats } },
  ];
  const sendSet = (changeSet: object, key: string) => agent.post('/v1/proposals:batch', { changeSet }, { 'idempotency-key': key });

  it('is one proposal, whose plan says what each action does', async () => {
    const before = await stored();
    const { status, body, headers } = await sendSet({ actions: actions('S1'), justification: 'a fitted floor' }, 'set-1');
    expect(status).toBe(202); // No worker is there to simulate it while the call waits.
    expect(headers.get('location')).toBe(`/v1/proposals/${body.id}`);
    await simulateProposal(worker, scene.tenant, body.id, deps);
    expect((await agent.get(`/v1/proposals/${body.id}`)).body).toMatchObject({
      status: 'awaiting_approval',
      actionType: { name: 'addFloor+setSeats' },
      parameters: { actions: [{ actionType: 'addFloor' }, { actionType: 'setSeats', parameters: { room: 'S1-1', seats: 9 } }] },
      planSummary: { edits: { create: 2, modify: 0 }, actions: [{ edits: 2 }, { edits: 1 }] },
    });
    expect((await sendSet({ actions: actions('S1'), justification: 'a fitted floor' }, 'set-1')).body.id).toBe(body.id);
    expect((await sendSet({ actions: actions('S1'), justification: 'another' }, 'set-1')).body.code).toBe('idempotency_key_reused');
    expect(await stored()).toBe(before + 1);
  });

  it('hides what is sensitive of each action', async () => {
    const secret = { actionType: 'noteRoom', parameters: { room: 'S4-1', note: 'the vault' } };
    const { body } = await sendSet({ actions: [...actions('S4'), secret], justification: 'x' }, 'set-4');
    expect(body.parameters.actions[2].parameters).toEqual({ room: 'S4-1', note: { $masked: true } });
    const bad = { ...secret, parameters: { ...secret.parameters, note: 7 } };
    const { body: refused } = await sendSet({ actions: [...actions('S5'), bad], justification: 'x' }, 'set-5');
    expect(refused.errors).toMatchObject([{ pointer: '/changeSet/actions/2/parameters/note' }]);
  });

  it('is refused as a whole, and says where in what was sent', async () => {
    const before = await stored();
    const refused = await sendSet({ actions: actions('S2', 'many'), justification: 'x' }, 'set-2');
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({ code: 'invalid_parameters', errors: [{ pointer: '/changeSet/actions/1/parameters/seats' }] });
    const unknown = await sendSet({ actions: [...actions('S2'), { actionType: 'nothing', parameters: {} }], justification: 'x' }, 'set-2');
    expect(unknown.body).toMatchObject({ code: 'unknown_action_type', errors: [{ pointer: '/changeSet/actions/2/actionType' }] });
    const both = { proposals: floors(1), changeSet: { actions: actions('S2'), justification: 'x' } };
    expect((await agent.post('/v1/proposals:batch', both, { 'idempotency-key': 'both' })).status).toBe(400);
    expect((await agent.post('/v1/proposals:batch', {}, { 'idempotency-key': 'neither' })).status).toBe(400);
    expect(await stored()).toBe(before);
  });

  it('is tried under the names of its actions as well', async () => {
    const { status, body } = await agent.post('/v1/action-types/addFloor+setSeats/simulate', { parameters: { actions: actions('S3') } });
    expect([status, body.planDigest]).toEqual([200, expect.stringMatching(/^sha256:/)]);
  });
});
