// Races of people and time over one proposal, on a clone from tests/support/database.ts: one outcome, and every caller learns it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleProposal } from '../../store/settle-proposal.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { writeUntold } from '../support/write-untold.ts';
import { agent, caller, type Fixture, keeper1, keeper2, officer, openFixture } from './fixture.ts';

let fixture: Fixture;
let floors = 0;
const name = () => `floor ${++floors}`;
const withdraw = (proposalId: string, by = agent) =>
  fixture.inApi((tx) => withdrawProposal(tx, { proposalId, by, reason: 'changed my mind' }, fixture.deps));
const nudges = async (proposalId: string) => {
  const rows = await fixture.inApi((tx) => tx.rows('SELECT 1 FROM exequatur.nudge WHERE proposal_id = $1::uuid', [proposalId]));
  return rows.length;
};

beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

describe('reviewing', () => {
  it('goes through the stages and says what is missing', async () => {
    const plan = await fixture.planned('askFloorTwice', { name: name() });
    expect(plan).toMatchObject({ status: 'awaiting_approval', missing: '1 more approval for keepers, 1 more approval for safety' });
    expect(plan.waitMs).toBeGreaterThan(3_500_000);
    expect(await fixture.review(plan, keeper1)).toMatchObject({
      settled: { status: 'awaiting_approval', missing: '1 more approval for safety' },
    });
    expect(await fixture.review(plan, keeper2)).toMatchObject({ refused: 'not_eligible' });
    expect(await fixture.review(plan, officer)).toMatchObject({ settled: { status: 'approved', missing: '', waitMs: null } });
    const view = await fixture.read(plan.proposalId, keeper1);
    expect(view.approval?.stages.map(({ status }) => status)).toEqual(['approved', 'approved']);
    expect(view.reviews.map(({ reviewer, decision, stage, counts }) => [reviewer.id, decision, stage, counts])).toEqual([
      ['keeper-1', 'approve', 'keepers', true],
      ['officer-1', 'approve', 'safety', true],
    ]);
  });

  it.each([
    ['an agent', caller('agent-2', ['keeper'], { kind: 'agent' }), 'agent_may_not_review'],
    ['the person behind the proposing agent', caller('keeper-9'), 'self_review'],
    ['somebody in no stage', caller('visitor'), 'not_eligible'],
    ['somebody without a role', caller('stranger', []), 'forbidden'],
  ])('refuses %s and stores nothing', async (_who, reviewer, refused) => {
    const plan = await fixture.planned('askFloor', { name: name() }, caller('agent-1', ['agent'], { kind: 'agent', actsFor: 'keeper-9' }));
    expect(await fixture.review(plan, reviewer)).toEqual({ refused });
    expect((await fixture.read(plan.proposalId)).reviews).toEqual([]);
    expect((await fixture.read(plan.proposalId, reviewer)).actions.review).toMatchObject({ allowed: false, reason: refused });
  });

  it('refuses an outdated digest, a second approval, another mind about a closed stage, and asking for changes without saying which', async () => {
    const plan = await fixture.planned('askFloorTwice', { name: name() });
    expect(await fixture.review({ ...plan, digest: `sha256:${'0'.repeat(64)}` }, keeper1)).toEqual({ refused: 'stale_digest' });
    expect(await fixture.review(plan, keeper1, 'request_changes')).toEqual({ refused: 'unexplained_changes' });
    await fixture.review(plan, keeper1);
    expect(await fixture.review(plan, keeper1)).toEqual({ refused: 'already_decided' });
    expect(await fixture.review(plan, keeper1, 'reject')).toEqual({ refused: 'not_eligible' });
  });

  it('keeps an approval that a disabled reviewer gave from counting', async () => {
    const plan = await fixture.planned('askFloorTwice', { name: name() });
    const leaver = caller('keeper-7');
    await fixture.review(plan, leaver);
    await writeUntold(fixture.database, `UPDATE exequatur.principal SET disabled = true WHERE id = 'keeper-7'`);
    expect(await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      missing: '1 more approval for keepers, 1 more approval for safety',
    });
  });
});

describe('two at the same instant', () => {
  it('lets one of two last approvals decide, and tells the other', async () => {
    for (let round = 0; round < 5; round++) {
      const plan = await fixture.planned('askFloor', { name: name() });
      const answers = await Promise.all([fixture.review(plan, keeper1), fixture.review(plan, keeper2)]);
      expect(answers.filter((answer) => 'review' in answer && answer.settled.status === 'approved')).toHaveLength(1);
      expect(answers.filter((answer) => 'refused' in answer && answer.refused === 'not_awaiting_approval')).toHaveLength(1);
      expect((await fixture.read(plan.proposalId)).reviews).toHaveLength(1);
    }
  });

  it('lets approve or reject decide, never both', async () => {
    for (let round = 0; round < 5; round++) {
      const plan = await fixture.planned('askFloor', { name: name() });
      const answers = await Promise.all([fixture.review(plan, keeper1, 'approve'), fixture.review(plan, keeper2, 'reject')]);
      const { status, reviews } = await fixture.read(plan.proposalId);
      expect(reviews).toHaveLength(1);
      expect(status).toBe(reviews[0]?.decision === 'approve' ? 'approved' : 'rejected');
      expect(answers.filter((answer) => 'refused' in answer)).toEqual([{ refused: 'not_awaiting_approval' }]);
    }
  });

  it('lets a withdrawal win against a last approval, or come right after it', async () => {
    for (let round = 0; round < 5; round++) {
      const plan = await fixture.planned('askFloor', { name: name() });
      const [review, withdrawal] = await Promise.all([fixture.review(plan, keeper1), withdraw(plan.proposalId)]);
      expect(withdrawal).toMatchObject({ settled: { status: 'withdrawn' } }); // An approved proposal can still be taken back.
      if ('refused' in review) expect(review).toEqual({ refused: 'not_awaiting_approval' });
      else expect(review.settled.status).toBe('approved');
      expect((await fixture.read(plan.proposalId)).status).toBe('withdrawn');
    }
  });

  it('settles once however many workers ask', async () => {
    const plan = await fixture.planned('askFloor', { name: name() });
    await fixture.review(plan, keeper1);
    const settled = await Promise.all(
      Array.from({ length: 4 }, () => settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)),
    );
    expect(settled.map((state) => state?.status)).toEqual(['approved', 'approved', 'approved', 'approved']);
    const events = await fixture.inApi((tx) =>
      tx.rows(`SELECT type FROM exequatur.outbox WHERE proposal_id = $1::uuid ORDER BY created_at`, [plan.proposalId]),
    );
    expect(events.map(({ type }) => type)).toEqual(['proposal.created', 'proposal.simulated', 'review.recorded', 'proposal.approved']);
  });
});

describe('withdrawing', () => {
  it('is for the proposer alone, and leaves a nudge', async () => {
    const plan = await fixture.planned('askFloor', { name: name() });
    expect(await withdraw(plan.proposalId, keeper1)).toEqual({ refused: 'not_proposer' });
    const before = await nudges(plan.proposalId);
    expect(await withdraw(plan.proposalId)).toMatchObject({ settled: { status: 'withdrawn' } });
    expect(await nudges(plan.proposalId)).toBe(before + 1);
    expect(await withdraw(plan.proposalId)).toEqual({ refused: 'not_withdrawable' });
  });
});

describe('expiring', () => {
  it('is decided by the clock of the database, under the lock, also when a review comes at that very instant', async () => {
    const waiting = await fixture.planned('askFloor', { name: name() });
    const raced = await fixture.planned('askFloor', { name: name() });
    await fixture.database.advanceClock(3_600_000 + 1_000);
    expect(await settleProposal(fixture.worker, fixture.tenant, waiting.proposalId, fixture.deps)).toMatchObject({
      status: 'expired',
      waitMs: null,
    });
    expect(await settleProposal(fixture.worker, fixture.tenant, waiting.proposalId, fixture.deps)).toMatchObject({ status: 'expired' });
    const answers = await Promise.all([
      fixture.review(raced, keeper1),
      settleProposal(fixture.worker, fixture.tenant, raced.proposalId, fixture.deps),
      fixture.review(raced, keeper2),
    ]);
    expect(answers[0]).toMatchObject({ refused: 'not_awaiting_approval' });
    expect(answers[1]).toMatchObject({ status: 'expired' });
    expect(answers[2]).toMatchObject({ refused: 'not_awaiting_approval' });
    const view = await fixture.read(raced.proposalId);
    expect(view).toMatchObject({ status: 'expired', reviews: [] });
    const [count] = await fixture.inApi((tx) =>
      tx.rows(`SELECT count(*)::int AS n FROM exequatur.outbox WHERE type = 'proposal.expired' AND proposal_id = $1::uuid`, [
        raced.proposalId,
      ]),
    );
    expect(count).toEqual({ n: 1 });
  });
});
