// More calls than can be worked on: tests/api/api-scene.ts, with the ordinary limits but for the number that wait.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ordinaryLimits } from '../../api/admission.ts';
import { building } from '../store/fixture.ts';
import { temporalAddress } from '../support/temporal.ts';
import { type Answer, ApiScene } from './api-scene.ts';

let scene: ApiScene;
let other: string;
beforeAll(async () => {
  scene = await ApiScene.open({
    simulationPatienceMs: 1,
    limits: { ...ordinaryLimits, atOnce: 2, waitingOfTenant: 3, waiting: 30, longestWaitMs: 60_000 },
  });
  other = await scene.database.createTenant();
  for (const tenant of [scene.tenant, other])
    expect((await scene.as({ id: 'ontology-admin-1', tenant }).put('/v1/ontology', building)).status).toBe(201);
});
afterAll(() => scene?.close());

const floors = (count: number, tenant = scene.tenant) => {
  const keeper = scene.as({ id: 'keeper-1', tenant });
  return Array.from({ length: count }, (_, at) => keeper.propose('askFloor', { name: `L${at}` }, { 'idempotency-key': `flood-${at}` }));
};

describe('a flood of calls of one tenant', () => {
  it('is turned away beyond what can wait, each with a time to come back, and leaves nothing of those', async () => {
    const health: Answer[] = [];
    const flood = floors(60);
    for (let at = 0; at < 5; at++) health.push(await scene.call('GET', '/livez'), await scene.call('GET', '/metrics'));
    const answers = await Promise.all(flood);
    expect(health.map(({ status }) => status)).toEqual(health.map(() => 200));
    const turned = answers.filter(({ status }) => status === 429 || status === 503);
    const accepted = answers.filter(({ status }) => status === 202);
    expect(turned.length + accepted.length).toBe(60);
    expect(turned.length).toBeGreaterThan(0);
    for (const { status, headers, body } of turned) {
      expect(headers.get('retry-after')).toBe('1');
      expect(body.code).toBe(status === 429 ? 'too_many_requests' : 'overloaded');
    }
    const { rows } = await scene.pool
      .query(`BEGIN; SET LOCAL app.tenant = '${scene.tenant}'; SELECT count(*)::int AS count FROM exequatur.proposal; COMMIT`)
      .then((results) => (results as unknown as { rows: { count: number }[] }[])[2] ?? { rows: [] });
    expect(rows[0]?.count).toBe(accepted.length);
    const again = await scene
      .as({ id: 'keeper-1' })
      .propose(
        'askFloor',
        { name: `L${answers.indexOf(turned[0] as Answer)}` },
        { 'idempotency-key': `flood-${answers.indexOf(turned[0] as Answer)}` },
      );
    expect(again.status).toBe(202);
  });

  it('does not turn away the few calls of another', async () => {
    let over = false;
    const flood = (async () => {
      while (!over) await Promise.all(floors(10));
    })();
    const quiet = scene.as({ id: 'keeper-1', tenant: other });
    const answers: Answer[] = [];
    for (let at = 0; at < 5; at++) answers.push(await quiet.get('/v1/object-types'));
    over = true;
    await flood;
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });
});

it('while the engine has enough, what would give it more is turned away, with a time to come back, and reads are answered', async () => {
  const engineLimits = { ...ordinaryLimits, atOnce: 2, longestWaitMs: 100 };
  const busy = await ApiScene.open({ temporal: temporalAddress(), simulationPatienceMs: 1, engineLimits }); // No worker takes what Temporal is given.
  try {
    expect((await busy.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building)).status).toBe(201);
    const keeper = busy.as({ id: 'keeper-1' });
    const ask = (key: string) => keeper.propose('askFloor', { name: key }, { 'idempotency-key': key });
    const answers = await Promise.all(['F1', 'F2', 'F3'].map(ask)); // At once: after two seconds the engine would be taken for away.
    const turned = answers.filter(({ status }) => status !== 202);
    expect(turned.map(({ status, body, headers }) => [status, body.code, headers.get('retry-after')])).toEqual([[503, 'overloaded', '1']]);
    expect((await keeper.get('/v1/proposals')).body.proposals).toHaveLength(2);
  } finally {
    await busy.close();
  }
});
