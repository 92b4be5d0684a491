import { afterEach, beforeEach, expect, it } from 'vitest';
import { createIndexActivities } from '../../activities/create-index-activities.ts';
import { startIndexBuilds } from '../../events/start-index-builds.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { openPool } from '../../store/connect.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { indexBuildWorkflowId } from '../../workflows/index-build.contract.ts';
import { LampShop } from './lamp-shop.ts';
import { lamps, owner } from './lamps.ts';

const logger = openLogger('test');
let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

it('an upload’s new index is built by a workflow that the relay starts, once, and that ends when nothing is left', async () => {
  await shop.startWorker({ around: (steps) => ({ ...steps, ...createIndexActivities({ pool: shop.workerPool, logger }) }) });
  await shop.installed(...Array.from({ length: 2_500 }, (_, i) => `lamp-${i}`));
  const document = structuredClone(lamps) as { objectTypes: { lamp: { properties: { level: object } } } };
  Object.assign(document.objectTypes.lamp.properties.level, { indexed: true });
  const api = openPool(shop.database.urls.api);
  await withTenantPrisma(api, shop.tenant, (tx) => putOntology(tx, document as unknown as JsonValue, owner, shop.deps));
  await api.end();
  const relay = { pool: shop.relayPool, client: shop.client, taskQueue: shop.taskQueue, logger };
  expect(await startIndexBuilds(relay)).toBe(1);
  await shop.client.workflow.getHandle(indexBuildWorkflowId({ tenantId: shop.tenant, objectType: 'lamp' })).result();
  expect(await startIndexBuilds(relay)).toBe(0);
  const [found] = await shop.query(
    `SELECT b.state, b.scanned::int, (SELECT count(*)::int FROM exequatur.object_index i WHERE i.property = 'level') AS rows,
            (SELECT t.building FROM exequatur.object_type t WHERE t.name = 'lamp') AS building FROM exequatur.index_build b`,
  );
  expect(found).toEqual({ state: 'ready', scanned: 2_500, rows: 2_500, building: [] });
});
