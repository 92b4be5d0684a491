import { afterEach, beforeEach, expect, it } from 'vitest';
import { startMigrations } from '../../../events/start-migrations.ts';
import { ontologyMigrationWorkflowId } from '../../../workflows/ontology-migration.contract.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';
import { LampShop } from '../../workflows/lamp-shop.ts';
import { migratedLamps, relayOf, upload } from '../../workflows/lamp-uploads.ts';

const count = 9_000; // Five batches.
let shop: LampShop;
let worker: WorkerProcess;
beforeEach(async () => {
  shop = await LampShop.open();
  worker = await startWorkerProcess({ databaseUrl: shop.database.urls.worker, temporal: shop.temporal, taskQueue: shop.taskQueue });
});
afterEach(async () => {
  await worker?.stop();
  await shop?.close();
});

it('a migration whose worker is killed with kill -9 again and again writes each object once and ends with its document in force', async () => {
  await shop.installed(...Array.from({ length: count }, (_, i) => `lamp-${i}`));
  const migrationId = (await upload(shop, migratedLamps)) ?? '';
  await startMigrations(relayOf(shop));
  for (const batches of [1, 3]) {
    await expect
      .poll(async () => (await shop.query('SELECT FROM exequatur.migration_batch')).length, { interval: 5 })
      .toBeGreaterThanOrEqual(batches);
    worker.kill();
    await expect.poll(isReady, { interval: 20 }).toBe(true);
  }
  await shop.client.workflow.getHandle(ontologyMigrationWorkflowId({ tenantId: shop.tenant, migrationId })).result();
  const [found] = await shop.query(
    `SELECT (SELECT m.state FROM exequatur.ontology_migration m) AS state,
            (SELECT count(*)::int FROM exequatur.object o WHERE o.properties ->> 'installedBy' = 'long ago' AND o.version = 2) AS once,
            (SELECT count(*)::int FROM exequatur.object_history h WHERE h.version > 1) AS writes,
            (SELECT v.digest = m.digest FROM exequatur.ontology_version v, exequatur.ontology_migration m ORDER BY v.version DESC LIMIT 1) AS "inForce"`,
  );
  expect(found).toEqual({ state: 'done', once: count, writes: count, inForce: true });
});

async function isReady(): Promise<boolean> {
  const response = await fetch(`${worker.metricsUrl}/readyz`).catch(() => undefined);
  return response?.ok ?? false;
}
