import { afterAll, beforeAll, expect, it } from 'vitest';
import { building } from '../store/fixture.ts';
import { ApiScene } from './api-scene.ts';

let scene: ApiScene;
let keeper: ReturnType<ApiScene['as']>;
beforeAll(async () => {
  scene = await ApiScene.open();
  expect((await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building)).status).toBe(201);
  keeper = scene.as({ id: 'keeper-1' });
});
afterAll(() => scene?.close());

const nightly = {
  actionType: 'askFloor',
  parameters: { name: 'F1' },
  justification: 'every night',
  timing: { cron: '0 2 * * *', timeZone: 'Europe/Vienna' },
};

it('a schedule is made once by its key, read, paused, resumed and deleted', async () => {
  const key = { 'idempotency-key': 'nightly' };
  const { status, body, headers } = await keeper.post('/v1/schedules', nightly, key);
  expect(status).toBe(201);
  expect(headers.get('location')).toBe(`/v1/schedules/${body.id}`);
  expect(body).toMatchObject({ ...nightly, skipWhileOpen: false, owner: 'keeper-1', state: 'active', runs: [] });
  expect((await keeper.post('/v1/schedules', nightly, key)).body.id).toBe(body.id);
  expect((await keeper.post('/v1/schedules', { ...nightly, justification: 'x' }, key)).body.code).toBe('idempotency_key_reused');
  const at = `/v1/schedules/${body.id}`;
  expect((await keeper.get(at)).body).toMatchObject({ state: 'active', triggered: null, nextRuns: null }); // Nobody keeps the time here.
  const triggered = await keeper.post(`${at}/trigger`, { reason: 'now, please' });
  expect(triggered.status).toBe(202);
  expect(triggered.body.triggered).toMatchObject({ by: 'keeper-1', reason: 'now, please' });
  expect((await keeper.post(`${at}/trigger`, { reason: 'again' })).body.triggered).toEqual(triggered.body.triggered);
  expect((await keeper.post(`${at}/pause`, { reason: 'works' })).body).toMatchObject({ state: 'paused', stateReason: 'works' });
  expect((await keeper.post(`${at}/trigger`, { reason: 'x' })).body.code).toBe('schedule_not_active');
  expect((await keeper.get(at)).body.nextRuns).toEqual([]);
  expect((await keeper.post(`${at}/resume`, { reason: 'done' })).body.state).toBe('active');
  expect((await keeper.get('/v1/schedules')).body.schedules).toHaveLength(1);
  expect((await keeper.call('DELETE', at)).body.state).toBe('deleted');
  expect((await keeper.get('/v1/schedules')).body.schedules).toEqual([]);
  expect((await keeper.get(at)).body.state).toBe('deleted');
  expect((await keeper.post(`${at}/resume`, { reason: 'x' })).body.code).toBe('schedule_not_changed');
});

it.each([
  [{ timing: { cron: '0 25 * * *' } }, '/timing/cron'],
  [{ timing: { cron: '0 2 * * *', timeZone: 'Mars/Olympus' } }, '/timing/timeZone'],
  [{ timing: { every: 'P0D' } }, '/timing/every'],
  [{ timing: { at: 'tomorrow' } }, '/timing/at'],
  [{ timing: { at: '2020-01-01T00:00:00Z' } }, '/timing/at'],
  [{ timing: { at: '2150-01-01T00:00:00Z' } }, '/timing/at'],
  [{ timing: { cron: '0 2 31 2 *' } }, '/timing/cron'],
  [{ timing: { cron: '0 2 * * *', endsAt: '2020-01-01T00:00:00Z' } }, '/timing/endsAt'],
  [{ timing: {} }, '/timing'],
  [{ timing: { every: 'PT1H', at: '2030-01-01T00:00:00Z' } }, '/timing'],
  [{ parameters: { name: 7 } }, '/parameters/name'],
])('what cannot be is refused, and where: %j', async (wrong, pointer) => {
  const { status, body } = await keeper.post('/v1/schedules', { ...nightly, ...wrong });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
});

it('another tenant sees none of it', async () => {
  const { body } = await keeper.post('/v1/schedules', nightly);
  const stranger = scene.as({ id: 'keeper-1', tenant: await scene.database.createTenant() });
  expect((await stranger.get('/v1/schedules')).body.schedules).toEqual([]);
  expect((await stranger.get(`/v1/schedules/${body.id}`)).status).toBe(404);
  expect((await stranger.call('DELETE', `/v1/schedules/${body.id}`)).status).toBe(404);
});
