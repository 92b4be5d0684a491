import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { deps, idleScene } from './idle-scene.ts';

// A database of its own: tests/support/database.ts. No worker runs, so whoever waits for the end waits.
const opened = idleScene();

it('a review that was committed is told, though the database goes away while its reviewer waits for more', async () => {
  const { scene, worker, superuser } = opened;
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
  const { superuser } = opened;
  const { rows } = await superuser.query('SELECT current_database() AS name');
  await superuser.query(`ALTER DATABASE ${rows[0].name} CONNECTION LIMIT 0`);
  await superuser.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
}
