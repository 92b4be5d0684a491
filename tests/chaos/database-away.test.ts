import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SeverableProxy, startSeverableProxy } from '../support/severable-proxy.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from '../workflows/lamp-shop.ts';

let shop: LampShop;
let proxy: SeverableProxy;
let worker: WorkerProcess;
beforeEach(async () => {
  shop = await LampShop.open();
  proxy = await startSeverableProxy(shop.database.urls.worker);
  worker = await startWorkerProcess({ databaseUrl: proxy.url, temporal: shop.temporal, taskQueue: shop.taskQueue });
});
afterEach(async () => {
  await worker?.stop();
  await proxy?.close();
  await shop?.close();
});

const once = { executions: 1, history: 1, executedEvents: 1, plans: 1 };

describe('PostgreSQL away', () => {
  it('fails no workflow, is seen in Temporal, and what was waiting goes on when it is back', async () => {
    await shop.installed('hall');
    const approved = await shop.proposed('dim', { lamp: 'hall', level: 21 });
    await shop.review(approved);
    await proxy.sever();
    await shop.nudge(approved);
    const fresh = await shop.started('install', { names: ['porch'] });

    await expect.poll(() => shop.pendingActivity(approved)).toEqual({ name: 'execute', failure: 'DatabaseAway' });
    await expect.poll(() => shop.pendingActivity(fresh)).toEqual({ name: 'simulate', failure: 'DatabaseAway' });
    expect(await shop.status(approved)).toBe('approved');

    await proxy.mend();
    expect(await shop.outcome(approved)).toBe('executed');
    expect(await shop.outcome(fresh)).toBe('executed');
    expect(await shop.traces(approved)).toEqual(once);
    expect(await shop.lampLevel('hall')).toBe(21);
  });
});
