import { afterEach, beforeEach, expect, it } from 'vitest';
import { startIndexBuilds } from '../../events/start-index-builds.ts';
import { indexBuildWorkflowId } from '../../workflows/index-build.contract.ts';
import { LampShop } from './lamp-shop.ts';
import { definitionActivities, indexedLamps, relayOf, upload } from './lamp-uploads.ts';

let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

it('an upload’s new index is built by a workflow that the relay starts, once, and that ends when nothing is left', async () => {
  await shop.startWorker({ around: definitionActivities(shop) });
  await shop.installed(...Array.from({ length: 2_500 }, (_, i) => `lamp-${i}`));
  await upload(shop, indexedLamps);
  expect(await startIndexBuilds(relayOf(shop))).toBe(1);
  await shop.client.workflow.getHandle(indexBuildWorkflowId({ tenantId: shop.tenant, objectType: 'lamp' })).result();
  expect(await startIndexBuilds(relayOf(shop))).toBe(0);
  const [found] = await shop.query(
    `SELECT b.state, b.scanned::int, (SELECT count(*)::int FROM exequatur.object_index i WHERE i.property = 'level') AS rows,
            (SELECT t.building FROM exequatur.object_type t WHERE t.name = 'lamp') AS building FROM exequatur.index_build b`,
  );
  expect(found).toEqual({ state: 'ready', scanned: 2_500, rows: 2_500, building: [] });
});
