import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { timeSkippingEnvironment } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { LampShop } from './lamp-shop.ts';
import { remindedLamps, upload } from './lamp-uploads.ts';
import { SkippingShop, type Step } from './skipping-shop.ts';

let environment: TestWorkflowEnvironment;
let shop: LampShop;
beforeAll(async () => {
  environment = await timeSkippingEnvironment();
});
afterEach(() => shop?.close());
afterAll(() => environment?.teardown());

async function sent(proposalId: string): Promise<string[]> {
  const rows = await shop.query<{ what: string }>(
    `SELECT type || ' ' || (data ->> 'number') AS what FROM exequatur.outbox
      WHERE proposal_id = $1 AND type IN ('proposal.reminded', 'proposal.escalated') ORDER BY created_at`,
    [proposalId],
  );
  return rows.map(({ what }) => what);
}

const reminders = async (proposalId: string) => (await sent(proposalId)).filter((what) => what.startsWith('proposal.reminded')).length;

describe('the timers of a proposal that waits', () => {
  it.each([
    [
      'whose steps are done twice at once',
      (step: Step): Step =>
        async (start) =>
          (await Promise.all([step(start), step(start)]))[1],
      {},
    ],
    ['that remembers nothing', (step: Step) => step, { maxCachedWorkflows: 0 }],
  ])('remind its reviewers, escalate and let it expire, each once, with a worker %s', async (_, change, options) => {
    const skipping = await SkippingShop.open(environment);
    shop = skipping.shop;
    await skipping.startWorker(change, options);
    await shop.installed('hall');
    await upload(shop, remindedLamps('PT6H', 'H'));
    const id = await shop.proposed('dim', { lamp: 'hall', level: 1 });
    expect(await shop.outcome(id)).toBe('expired');
    expect(await sent(id)).toEqual(['proposal.reminded 1', 'proposal.escalated 1', 'proposal.reminded 2', 'proposal.reminded 3']);
  });

  it('go on with the successor of a worker that was killed, and end with the wait', async () => {
    shop = await LampShop.open();
    const process = { databaseUrl: shop.database.urls.worker, temporal: shop.temporal, taskQueue: shop.taskQueue };
    const killed = await startWorkerProcess(process);
    try {
      await shop.installed('hall');
      await upload(shop, remindedLamps('PT3M'));
      const id = await shop.proposed('dim', { lamp: 'hall', level: 2 });
      await expect.poll(() => reminders(id)).toBeGreaterThan(0);
      killed.kill();
      await expect.poll(() => killed.failures()).toBe(1);
      const before = await reminders(id);
      await expect.poll(() => reminders(id)).toBeGreaterThan(before + 1);
      await shop.review(id);
      await shop.nudge(id);
      expect(await shop.outcome(id)).toBe('executed');
      const all = await sent(id);
      expect(new Set(all).size).toBe(all.length);
      expect(all.filter((what) => what === 'proposal.escalated 1')).toHaveLength(1);
    } finally {
      await killed.stop();
    }
  });
});
