import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { openPool } from '../../store/connect.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { building } from '../store/fixture.ts';
import { ApiScene } from './api-scene.ts';

// A database of its own: tests/support/database.ts. No worker runs, so whoever waits for the end waits.
const deps = { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) };
let scene: ApiScene;
let worker: pg.Pool;
let superuser: pg.Pool;

beforeAll(async () => {
  scene = await ApiScene.open();
  worker = openPool(scene.database.urls.worker);
  superuser = openPool(scene.database.urls.superuser, { max: 1 });
  expect((await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building)).status).toBe(201);
});
afterAll(async () => {
  await Promise.all([worker?.end(), superuser?.end()]);
  await scene?.close();
});

it('a review that was committed is told, though the database goes away while its reviewer waits for more', async () => {
  const { body } = await scene.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] }).propose('askFloor', { name: 'attic' });
  const plan = await simulateProposal(worker, scene.tenant, body.id, deps);
  const headers = { 'if-match': `"${plan?.digest}"`, prefer: 'wait=30' };
  const reviewing = scene.as({ id: 'keeper-1' }).post(`/v1/proposals/${body.id}/reviews`, { decision: 'approve' }, headers);
  const reviews = () => superuser.query('SELECT FROM exequatur.review WHERE proposal_id = $1', [body.id]);
  await expect.poll(async () => (await reviews()).rowCount, { interval: 20 }).toBe(1);
  await delay(50);
  await letNobodyIn();
  expect(await reviewing).toMatchObject({ status: 201, body: { decision: 'approve', proposal: { id: body.id } } });
});

/** As if the server were out of connections: those who have one lose it, and nobody gets another. */
async function letNobodyIn(): Promise<void> {
  const { rows } = await superuser.query('SELECT current_database() AS name');
  await superuser.query(`ALTER DATABASE ${rows[0].name} CONNECTION LIMIT 0`);
  await superuser.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
}
