import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startReviewWaits } from '../../events/start-review-waits.ts';
import type { Caller } from '../../ontology/authority.ts';
import { reviewEmergency } from '../../store/review-emergency.ts';
import { timeSkippingEnvironment } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { LampShop } from './lamp-shop.ts';
import { emergencyLamps, relayOf, upload } from './lamp-uploads.ts';
import { SkippingShop, type Step } from './skipping-shop.ts';

const chief: Caller = { id: 'chief', kind: 'user', roles: ['chief'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };

let environment: TestWorkflowEnvironment;
let shop: LampShop;
beforeAll(async () => {
  environment = await timeSkippingEnvironment();
});
afterEach(() => shop?.close());
afterAll(() => environment?.teardown());

async function skippingShop(): Promise<SkippingShop> {
  const skipping = await SkippingShop.open(environment);
  shop = skipping.shop;
  return skipping;
}

async function dimmedInEmergency(reviewWithin: string): Promise<string> {
  await shop.installed('hall');
  await upload(shop, emergencyLamps(reviewWithin));
  const id = await shop.proposed('dim', { lamp: 'hall', level: 1 });
  await shop.breakGlass(id);
  await shop.nudge(id);
  await expect.poll(() => shop.status(id)).toBe('executed');
  return id;
}

async function told(proposalId: string): Promise<number> {
  const rows = await shop.query(`SELECT FROM exequatur.outbox WHERE proposal_id = $1 AND type = 'proposal.emergency_unreviewed'`, [
    proposalId,
  ]);
  return rows.length;
}

describe('the review after an emergency', () => {
  it.each([
    [
      'whose steps are done twice at once',
      (step: Step): Step =>
        async (start) =>
          (await Promise.all([step(start), step(start)]))[1],
      {},
    ],
    ['that remembers nothing', (step: Step) => step, { maxCachedWorkflows: 0 }],
  ])('is told to be missing once, with a worker %s', async (_, change, options) => {
    await (await skippingShop()).startWorker(change, options);
    const id = await dimmedInEmergency('PT3H');
    expect(await told(id)).toBe(0);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await told(id)).toBe(1);
  });

  it('ends the wait', async () => {
    shop = await LampShop.open();
    await shop.startWorker();
    const id = await dimmedInEmergency('PT1H');
    await shop.write((tx) => reviewEmergency(tx, { proposalId: id, verdict: 'unjustified', comment: 'x', by: chief }, shop.deps));
    await shop.nudge(id);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await told(id)).toBe(0);
  });

  it('is found missing by the successor of a worker that was killed', async () => {
    shop = await LampShop.open();
    const env = { databaseUrl: shop.database.urls.worker, temporal: shop.temporal, taskQueue: shop.taskQueue };
    const worker = await startWorkerProcess(env);
    try {
      const id = await dimmedInEmergency('PT4S');
      worker.kill();
      expect(await shop.outcome(id)).toBe('executed');
      expect(await told(id)).toBe(1);
    } finally {
      await worker.stop();
    }
  });

  it('is waited for anew once Temporal has lost the workflow, and no longer when it was told', async () => {
    await (await skippingShop()).startWorker();
    const id = await dimmedInEmergency('PT5H');
    await shop.handle(id).terminate('lost');
    expect(await startReviewWaits(relayOf(shop))).toBe(1);
    expect(await startReviewWaits(relayOf(shop))).toBe(0);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await told(id)).toBe(1);
    expect(await startReviewWaits(relayOf(shop))).toBe(0);
  });
});
