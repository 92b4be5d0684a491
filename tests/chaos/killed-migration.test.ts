import { afterEach, beforeEach, expect, it } from 'vitest';
import { startMigrations } from '../../events/start-migrations.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { openPool } from '../../store/connect.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { isRefusal } from '../../store/refusal.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { ontologyMigrationWorkflowId } from '../../workflows/ontology-migration.contract.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { lamps, owner } from '../workflows/lamps.ts';

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
  const document = structuredClone(lamps) as { objectTypes: { lamp: { properties: { installedBy: object } } } };
  Object.assign(document.objectTypes.lamp.properties.installedBy, { required: true, default: 'nobody' });
  const migrations = [{ objectType: 'lamp', set: { installedBy: "'long ago'" }, approvalPolicy: 'nobody' }];
  const api = openPool(shop.database.urls.api);
  const outcome = await withTenantPrisma(api, shop.tenant, (tx) =>
    putOntology(tx, { ...document, migrations } as unknown as JsonValue, owner, shop.deps),
  );
  await api.end();
  if (isRefusal(outcome) || outcome.migration?.id == null) throw new Error(JSON.stringify(outcome));
  const migrationId = outcome.migration.id;
  await startMigrations({ pool: shop.relayPool, client: shop.client, taskQueue: shop.taskQueue, logger: openLogger('test') });
  for (const batches of [1, 3]) {
    await expect
      .poll(async () => (await shop.query('SELECT FROM exequatur.migration_batch')).length, { timeout: 60_000, interval: 5 })
      .toBeGreaterThanOrEqual(batches);
    worker.kill();
    await expect.poll(isReady, { timeout: 60_000, interval: 20 }).toBe(true);
  }
  await shop.client.workflow.getHandle(ontologyMigrationWorkflowId({ tenantId: shop.tenant, migrationId })).result();
  const [found] = await shop.query(
    `SELECT (SELECT m.state FROM exequatur.ontology_migration m) AS state,
            (SELECT count(*)::int FROM exequatur.object o WHERE o.properties ->> 'installedBy' = 'long ago' AND o.version = 2) AS once,
            (SELECT count(*)::int FROM exequatur.object_history h WHERE h.version > 1) AS writes,
            (SELECT v.digest = m.digest FROM exequatur.ontology_version v, exequatur.ontology_migration m ORDER BY v.version DESC LIMIT 1) AS "inForce"`,
  );
  expect(found).toEqual({ state: 'done', once: count, writes: count, inForce: true });
}, 180_000);

async function isReady(): Promise<boolean> {
  const response = await fetch(`${worker.metricsUrl}/readyz`).catch(() => undefined);
  return response?.ok ?? false;
}
