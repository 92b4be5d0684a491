import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startReviewWaits } from '../../events/start-review-waits.ts';
import type { Caller } from '../../ontology/authority.ts';
import { reviewEmergency } from '../../store/review-emergency.ts';
import type { ProposalStart } from '../../workflows/proposal.contract.ts';
import type { ProposalState } from '../../workflows/proposal-activities.contract.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { LampShop } from './lamp-shop.ts';
import { emergencyLamps, relayOf, upload } from './lamp-uploads.ts';

const chief: Caller = { id: 'chief', kind: 'user', roles: ['chief'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };
type Step = (start: ProposalStart) => Promise<ProposalState>;

let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

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
      (step: Step) => async (start: ProposalStart) => (await Promise.all([step(start), step(start)]))[1],
      {},
    ],
    ['that remembers nothing', (step: Step) => step, { maxCachedWorkflows: 0 }],
  ])('is told to be missing once, with a worker %s', async (_, change, options) => {
    await shop.startWorker({ around: (steps) => ({ ...steps, settle: change(steps.settle), execute: change(steps.execute) }), options });
    const id = await dimmedInEmergency('PT3S');
    expect(await told(id)).toBe(0);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await told(id)).toBe(1);
  });

  it('ends the wait', async () => {
    await shop.startWorker();
    const id = await dimmedInEmergency('PT1H');
    await shop.write((tx) => reviewEmergency(tx, { proposalId: id, verdict: 'unjustified', comment: 'x', by: chief }, shop.deps));
    await shop.nudge(id);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await told(id)).toBe(0);
  });

  it('is found missing by the successor of a worker that was killed', async () => {
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
    await shop.startWorker();
    const id = await dimmedInEmergency('PT5S');
    await shop.handle(id).terminate('lost');
    expect(await startReviewWaits(relayOf(shop))).toBe(1);
    expect(await startReviewWaits(relayOf(shop))).toBe(0);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await told(id)).toBe(1);
    expect(await startReviewWaits(relayOf(shop))).toBe(0);
  });
});
