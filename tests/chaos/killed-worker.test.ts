import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from '../workflows/lamp-shop.ts';

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

const once = { executions: 1, history: 1, executedEvents: 1, plans: 1 };

describe('a worker killed with kill -9', () => {
  it('in the middle of an execution leaves nothing half-done, and its successor executes once', async () => {
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 33 });
    await shop.review(id);
    const release = await shop.hold(id);
    await shop.nudge(id);
    await expect.poll(workerWaits).toBe(true);
    worker.kill();
    await release();
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.traces(id)).toEqual(once);
    expect(await shop.lampLevel('hall')).toBe(33);
  });

  it('at random moments loses no proposal and executes none twice', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `lamp-${i}`);
    await shop.installed(...names);
    const proposals = await Promise.all(names.map((lamp, i) => shop.started('dim', { lamp, level: i })));
    const kills = killAtRandom(2);
    await Promise.all(
      proposals.map(async (id) => {
        await expect.poll(() => shop.status(id)).toBe('awaiting_approval');
        await shop.review(id);
        await shop.nudge(id);
      }),
    );
    await kills;
    for (const id of proposals) {
      expect(await shop.outcome(id)).toBe('executed');
      expect(await shop.traces(id)).toEqual(once);
    }
  });
});

async function workerWaits(): Promise<boolean> {
  const rows = await shop.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'exequatur-worker' AND wait_event_type = 'Lock'`,
  );
  return rows.length > 0;
}

/** Kills the worker each time somewhat after its last successor began to work. */
async function killAtRandom(times: number): Promise<void> {
  for (let kill = 0; kill < times; kill++) {
    await expect.poll(isReady, { interval: 20 }).toBe(true);
    const until = Date.now() + Math.random() * 300;
    await expect.poll(() => Date.now() >= until, { interval: 5 }).toBe(true);
    worker.kill();
    await expect.poll(() => worker.failures()).toBe(kill + 1);
  }
}

async function isReady(): Promise<boolean> {
  const response = await fetch(`${worker.metricsUrl}/readyz`).catch(() => undefined);
  return response?.ok ?? false;
}
