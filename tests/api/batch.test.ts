import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { building } from '../store/fixture.ts';
import { ApiScene } from './api-scene.ts';

let scene: ApiScene;
let agent: ReturnType<ApiScene['as']>;
beforeAll(async () => {
  scene = await ApiScene.open();
  const admin = scene.as({ id: 'ontology-admin-1' });
  expect((await admin.put('/v1/ontology', building)).status).toBe(201);
  agent = scene.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] });
});
afterAll(() => scene?.close());

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
    expect(body.results[3].problem).toMatchObject({ code: 'unknown_action_type', status: 404 });
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
