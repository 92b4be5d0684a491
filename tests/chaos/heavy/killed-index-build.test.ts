import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startIndexBuilds } from '../../../events/start-index-builds.ts';
import type { JsonValue } from '../../../ontology/json.ts';
import { withTenant } from '../../../store/sql.ts';
import { indexBuildWorkflowId } from '../../../workflows/index-build.contract.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';
import { LampShop } from '../../workflows/lamp-shop.ts';
import { indexedLamps, relayOf, upload } from '../../workflows/lamp-uploads.ts';

const installed = 4_500; // Three batches of an index build.
const named = (at: number) => `lamp-${String(at).padStart(4, '0')}`;
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

it('a worker killed in the middle of an index build leaves what it had committed, and its successor ends with the whole index', async () => {
  await shop.installed(...Array.from({ length: installed }, (_, at) => named(at)));
  await dim(named(1), 1);
  const release = await holdSecondBatch();
  await upload(shop, indexedLamps);
  const before = await answers();
  await startIndexBuilds(relayOf(shop));
  await expect.poll(batchWaits).toBe(true);
  expect(await progress()).toEqual({ state: 'building', scanned: 2_000, rows: 2_000, building: ['level'] });
  expect(await answers()).toEqual(before);
  worker.kill();
  await release();
  // Of objects that were looked at, of one in the batch that was cut off, and of one behind it.
  for (const at of [1, 3_000, 4_400]) await dim(named(at), 7);
  const during = await answers();
  await shop.client.workflow.getHandle(indexBuildWorkflowId({ tenantId: shop.tenant, objectType: 'lamp' })).result();
  expect(await progress()).toEqual({ state: 'ready', scanned: installed, rows: installed, building: [] });
  expect(await answers()).toEqual(during);
  expect(during).toEqual([[named(1), named(3000), named(4400), named(0), named(2)], [named(1), named(3000), named(4400)], []]);
  expect(await rows()).toEqual(await rowsMadeAnew());
});

async function dim(lamp: string, level: number): Promise<void> {
  const id = await shop.proposed('dim', { lamp, level });
  await shop.review(id);
  await shop.nudge(id);
  expect(await shop.outcome(id)).toBe('executed');
}

/** Whoever notes the progress of a second batch waits, with the batch's rows written and not committed. Returns how to let go. */
async function holdSecondBatch(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: shop.database.urls.superuser });
  await client.connect();
  await client.query(`
    CREATE FUNCTION public.wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END';
    CREATE TRIGGER wait_for_the_test BEFORE UPDATE ON exequatur.index_build FOR EACH ROW WHEN (NEW.scanned > 2000) EXECUTE FUNCTION public.wait_for_the_test();
    SELECT pg_advisory_lock(4711)`);
  return () => client.end();
}

async function batchWaits(): Promise<boolean> {
  const waiting = await shop.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'exequatur-worker' AND wait_event = 'advisory'`,
  );
  return waiting.length > 0;
}

async function progress(): Promise<unknown> {
  const [found] = await shop.query(
    `SELECT b.state, b.scanned::int, (SELECT count(*)::int FROM exequatur.object_index i WHERE i.property = 'level') AS rows,
            (SELECT t.building FROM exequatur.object_type t WHERE t.name = 'lamp') AS building FROM exequatur.index_build b`,
  );
  return found;
}

/** By an order, by a filter, and by a value that nothing has any more. */
const answers = () =>
  withTenant(shop.workerPool, shop.tenant, async (tx) => {
    const ask = async (condition: JsonValue, order: string) =>
      (
        await tx.rows<{ id: string }>("SELECT o.id FROM exequatur.list_objects('lamp', $1::jsonb, $2, false, NULL, NULL, 5) o", [
          JSON.stringify(condition),
          order,
        ])
      ).map(({ id }) => id);
    const level = { property: 'level' };
    return [
      await ask({ all: [] }, 'level'),
      await ask({ ...level, op: 'lt', value: 100 }, 'id'),
      await ask({ ...level, op: 'eq', value: 1 }, 'level'),
    ];
  });

const indexRows = `SELECT i.key, i.object_id FROM exequatur.object_index i WHERE i.type = 'lamp' AND i.property = 'level' ORDER BY 1, 2`;
const rows = () => shop.query(indexRows);
const rowsMadeAnew = () =>
  shop.query(
    `SELECT k AS key, o.id AS object_id FROM exequatur.object o CROSS JOIN exequatur.index_keys('{"type": "integer"}', o.properties -> 'level') k
      WHERE o.type = 'lamp' AND o.alive ORDER BY k COLLATE "C", o.id`,
  );
