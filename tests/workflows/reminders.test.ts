import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProposalStart } from '../../workflows/proposal.contract.ts';
import type { ProposalState } from '../../workflows/proposal-activities.contract.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { LampShop } from './lamp-shop.ts';
import { remindedLamps, upload } from './lamp-uploads.ts';

let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

type Step = (start: ProposalStart) => Promise<ProposalState>;

async function sent(proposalId: string): Promise<string[]> {
  const rows = await shop.query<{ what: string }>(
    `SELECT type || ' ' || (data ->> 'number') AS what FROM exequatur.outbox
      WHERE proposal_id = $1 AND type IN ('proposal.reminded', 'proposal.escalated') ORDER BY created_at`,
    [proposalId],
  );
  return rows.map(({ what }) => what);
}

describe('the timers of a proposal that waits', () => {
  it.each([
    [
      'whose steps are done twice at once',
      (step: Step) => async (start: ProposalStart) => (await Promise.all([step(start), step(start)]))[1],
      {},
    ],
    ['that remembers nothing', (step: Step) => step, { maxCachedWorkflows: 0 }],
  ])('remind its reviewers, escalate and let it expire, each once, with a worker %s', async (_, change, options) => {
    await shop.startWorker({ around: (steps) => ({ ...steps, settle: change(steps.settle), execute: change(steps.execute) }), options });
    await shop.installed('hall');
    await upload(shop, remindedLamps('PT6S'));
    const id = await shop.proposed('dim', { lamp: 'hall', level: 1 });
    expect(await shop.outcome(id)).toBe('expired');
    const all = await sent(id);
    expect(new Set(all).size).toBe(all.length);
    expect(all.slice(0, 3)).toEqual(['proposal.reminded 1', 'proposal.escalated 1', 'proposal.reminded 2']);
    expect(all.length).toBeLessThanOrEqual(6);
  });

  it('go on with the successor of a worker that was killed, and end with the wait', async () => {
    const process = { databaseUrl: shop.database.urls.worker, temporal: shop.temporal, taskQueue: shop.taskQueue };
    const killed = await startWorkerProcess(process);
    try {
      await shop.installed('hall');
      await upload(shop, remindedLamps('PT1M'));
      const id = await shop.proposed('dim', { lamp: 'hall', level: 2 });
      await expect.poll(() => sent(id)).toEqual(['proposal.reminded 1']);
      killed.kill();
      await expect.poll(() => sent(id).then((all) => all.filter((what) => what.startsWith('proposal.reminded')).length)).toBeGreaterThan(2);
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
