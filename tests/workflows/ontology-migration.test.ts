import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startMigrations } from '../../events/start-migrations.ts';
import { ontologyMigrationWorkflowId } from '../../workflows/ontology-migration.contract.ts';
import { LampShop } from './lamp-shop.ts';
import { definitionActivities, migratedLamps, relayOf, upload } from './lamp-uploads.ts';

const count = 4_500; // Three batches.
let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

const startWorker = (options: { maxCachedWorkflows?: number } = {}) => shop.startWorker({ around: definitionActivities(shop), options });
const relay = () => startMigrations(relayOf(shop));
const ended = (migrationId: string) =>
  shop.client.workflow.getHandle(ontologyMigrationWorkflowId({ tenantId: shop.tenant, migrationId })).result();

async function expectMigrated(): Promise<void> {
  const [found] = await shop.query(
    `SELECT (SELECT m.state FROM exequatur.ontology_migration m) AS state,
            (SELECT count(*)::int FROM exequatur.object o WHERE o.properties ->> 'installedBy' = 'long ago') AS rewritten,
            (SELECT max(o.version)::int FROM exequatur.object o) AS versions,
            (SELECT count(*)::int FROM exequatur.migration_batch b JOIN exequatur.proposal p ON p.tenant_id = b.tenant_id AND p.id = b.proposal_id AND p.status = 'executed') AS executed,
            (SELECT count(*)::int FROM exequatur.ontology_version v) AS documents`,
  );
  expect(found).toEqual({ state: 'done', rewritten: count, versions: 2, executed: 3, documents: 3 });
}

describe('a migration', () => {
  it('is carried by a workflow that the relay starts, once, through ordinary proposals to the document in force', async () => {
    await startWorker();
    await shop.installed(...Array.from({ length: count }, (_, i) => `lamp-${i}`));
    const id = (await upload(shop, migratedLamps)) ?? '';
    expect(await relay()).toBe(1);
    await ended(id);
    expect(await relay()).toBe(0);
    await expectMigrated();
  });

  it('goes on under another worker that remembers nothing, each object written once', async () => {
    const stop = await startWorker();
    await shop.installed(...Array.from({ length: count }, (_, i) => `lamp-${i}`));
    const id = (await upload(shop, migratedLamps)) ?? '';
    await relay();
    await expect.poll(async () => (await shop.query('SELECT 1 FROM exequatur.migration_batch')).length).toBeGreaterThan(0);
    await stop();
    await startWorker({ maxCachedWorkflows: 0 });
    await ended(id);
    await expectMigrated();
  });
});
