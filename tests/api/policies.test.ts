import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { building } from '../store/fixture.ts';
import { ApiScene } from './api-scene.ts';
import { enacted } from './enact.ts';

let scene: ApiScene;
const admin = { id: 'ontology-admin-1' };
const keeper = { id: 'keeper-1' };
const all = 'permit (principal, action, resource);';

beforeAll(async () => {
  scene = await ApiScene.open();
  expect((await scene.as(admin).put('/v1/ontology', building)).status).toBe(201);
});
afterAll(() => scene?.close());

describe('policies over HTTP', () => {
  it('are sent, read, listed and put in force again', async () => {
    const cases = [{ name: 'keepers propose', principal: { roles: ['keeper'] }, action: 'propose', resource: 'askFloor', expect: 'allow' }];
    const dry = await scene.as(admin).put('/v1/policies?dryRun=true', { policies: { all }, cases });
    expect(dry).toMatchObject({
      status: 200,
      body: {
        version: 1,
        changed: true,
        dryRun: true,
        rehearsal: { proposals: 0, differences: [], fates: [], summary: 'No proposal would come to anything else.' },
      },
    });
    expect(await enacted(scene, scene.as(admin).put('/v1/policies', { policies: { all }, cases }))).toMatchObject({
      status: 202,
      body: { version: 1, rehearsal: null },
    });
    expect((await scene.as(keeper).get('/v1/policies/1')).body).toMatchObject({ version: 1, active: true, policies: { all }, cases });
    expect((await scene.as(keeper).get('/v1/policies/9')).status).toBe(404);
    expect((await enacted(scene, scene.as(admin).post('/v1/policies/0/activate'))).body).toMatchObject({ version: 0, changed: true });
    expect((await scene.as(keeper).get('/v1/policies')).body.versions).toMatchObject([
      { version: 1, active: false },
      { version: 0, active: true },
    ]);
  });

  it('are refused with a pointer for each fault', async () => {
    const { status, body } = await scene.as(admin).put('/v1/policies', { policies: { all, bad: 'permit (' }, cases: [] });
    expect({ status, code: body.code, pointers: body.errors.map((one: { pointer: string }) => one.pointer) }).toEqual({
      status: 422,
      code: 'invalid_policies',
      pointers: ['/policies/bad'],
    });
    expect((await scene.as(admin).put('/v1/policies', { policies: { all }, cases: [{ name: 'x' }] })).status).toBe(400);
  });

  it('are refused where they could never hold, with the name that was meant', async () => {
    const forbid = (condition: string) => `forbid (principal, action == Action::"execute", resource) when { ${condition} };`;
    const wrong = {
      tier: forbid('context.plan.riskTier == "hihg"'),
      state: forbid('context.plan.touches has room.after.status && context.plan.touches.room.after.status.containsAny(["closed", "opne"])'),
      role: 'permit (principal == Role::"keeper", action, resource);',
    };
    const { status, body } = await scene.as(admin).put('/v1/policies', { policies: { all, ...wrong }, cases: [] });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'invalid_policies' });
    expect(body.errors).toMatchObject([
      { pointer: '/policies/tier', detail: 'compares with "hihg", which there never is at that place; did you mean "high"?' },
      { pointer: '/policies/state', detail: 'compares with "opne", which there never is at that place; did you mean "open"?' },
    ]);
    const alone = await scene.as(admin).put('/v1/policies', { policies: { all, role: wrong.role }, cases: [] });
    expect(alone).toMatchObject({ status: 422, body: { errors: [{ pointer: '/policies/role' }, { pointer: '/policies/role' }] } });
    const tier = forbid('context.plan.riskTier == "high" && context.approvals < 2');
    expect((await scene.as(admin).put('/v1/policies?dryRun=true', { policies: { all, tier }, cases: [] })).status).toBe(200);
  });

  it('decide who sees anything at all, and who administers what', async () => {
    const policies = {
      all,
      blind: '@explain("Not keepers.") forbid (principal in Role::"keeper", action == Action::"see", resource);',
      fixed: 'forbid (principal, action == Action::"administer", resource == Settings::"ontology");',
    };
    expect((await enacted(scene, scene.as(admin).put('/v1/policies', { policies, cases: [] }))).status).toBe(202);
    for (const path of ['/v1/object-types', '/v1/proposals', '/v1/objects/room']) {
      expect(await scene.as(keeper).get(path), path).toMatchObject({ status: 403, body: { code: 'policy_forbids' } });
    }
    expect(await scene.as(admin).put('/v1/ontology', building)).toMatchObject({ status: 403, body: { code: 'policy_forbids' } });
    expect((await enacted(scene, scene.as(admin).post('/v1/policies/0/activate'))).status).toBe(202);
    expect((await scene.as(keeper).get('/v1/object-types')).status).toBe(200);
  });

  it('are behind every decision, which is explained', async () => {
    const { body } = await scene.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] }).propose('askFloor', { name: 'F1' });
    const { decisions } = (await scene.as(keeper).get(`/v1/proposals/${body.id}/decisions`)).body;
    expect(decisions.map((one: { explanation: string }) => one.explanation)[0]).toMatch(/^agent-1 may propose, by actors-propose/);
  });
});
