// Changes are requested, the proposer revises, reviewers decide anew; on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { findStrayAnchors } from '../../store/find-anchors.ts';
import { readPlanDifference } from '../../store/read-plan-difference.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { recordReview } from '../../store/record-review.ts';
import { reviseProposal } from '../../store/revise-proposal.ts';
import type { Settled } from '../../store/settle.ts';
import { resolveActor } from '../../store/standing.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { agent, caller, expectDone, type Fixture, keeper1, keeper2, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
let rooms = 0;
const askForChanges = (
  { proposalId, digest }: Settled,
  more: { reason?: string; comments?: JsonValue } = { reason: 'too many' },
  reviewer = keeper1,
) =>
  fixture.inApi((tx) =>
    recordReview(tx, { proposalId, decision: 'request_changes', digest: digest ?? '', reviewer, ...more }, fixture.deps),
  );
const revise = (proposalId: string, parameters: JsonValue, by = agent, more: { idempotencyKey?: string; justification?: string } = {}) =>
  fixture.inApi((tx) => reviseProposal(tx, { proposalId, parameters, by, ...more }, fixture.deps));
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const waiting = async () => fixture.planned('closeFloor', { floor: 'F1' });

beforeAll(async () => {
  fixture = await openFixture();
  await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A' }, { code: 'B' }] });
  await fixture.done('addFloor', { name: 'F2', rooms: [{ code: 'C' }] });
});
afterAll(() => fixture.close());

describe('asking for changes', () => {
  it('sends the proposal back to its proposer, with comments anchored to edits, and takes no approval meanwhile', async () => {
    const plan = await waiting();
    const comments = [{ text: 'not this one', on: { type: 'room', id: 'A', property: 'status' } }];
    expect(await askForChanges(plan, { comments })).toMatchObject({
      review: { decision: 'request_changes', comments },
      settled: { status: 'changes_requested' },
    });
    expect(await fixture.review(plan, keeper2)).toMatchObject({ refused: 'not_awaiting_approval' });
    const view = await fixture.read(plan.proposalId, agent);
    expect(view).toMatchObject({
      status: 'changes_requested',
      reviews: [{ decision: 'request_changes', comments }],
      actions: { revise: { allowed: true } },
    });
    expect((await fixture.read(plan.proposalId, keeper1)).actions.revise).toMatchObject({ allowed: false, reason: 'not_proposer' });
  });

  it('is for those who could approve, says what is wanted, and not of a revert', async () => {
    const plan = await waiting();
    expect(await askForChanges(plan, {})).toEqual({ refused: 'unexplained_changes' });
    expect(await askForChanges(plan, { comments: [] })).toEqual({ refused: 'unexplained_changes' });
    expect(await askForChanges(plan, { reason: 'x' }, caller('officer-1'))).toEqual({ refused: 'not_eligible' });
    expect(await askForChanges(plan, { reason: 'x' }, agent)).toEqual({ refused: 'agent_may_not_review' });
    const done = await fixture.done('closeRoom', { room: 'C', note: 'paint' });
    const revert = expectDone(
      await fixture.inApi((tx) => createRevert(tx, { proposalId: done.proposalId, justification: 'undo', proposer: agent }, fixture.deps)),
    );
    expect(await askForChanges(await simulated(fixture, revert.proposalId))).toEqual({ refused: 'not_revisable' });
  });

  it('anchors comments to what the plan edits, and to nothing else', async () => {
    const { proposalId, digest } = await waiting();
    const stray = (...anchors: Parameters<typeof findStrayAnchors>[3]) =>
      fixture.inApi((tx) => findStrayAnchors(tx, proposalId, digest ?? '', anchors));
    expect(await stray({ type: 'room', id: 'A' }, { type: 'room', id: 'B', property: 'status' })).toEqual([]);
    expect(
      await stray(
        { type: 'room', id: 'C' },
        { type: 'room', id: 'A', property: 'note' },
        { type: 'room', id: 'A' },
        { link: 'neighbours', from: 'A', to: 'B' },
      ),
    ).toEqual([0, 1, 3]);
  });
});

describe('a revision', () => {
  it('is simulated with its own parameters, needs approvals of its own, and shows what changed', async () => {
    const plan = await waiting();
    await askForChanges(plan);
    expect(await revise(plan.proposalId, { floor: 'F2' }, agent, { justification: 'only the small one' })).toMatchObject({
      status: 'simulating',
      repeated: false,
    });
    const again = await simulated(fixture, plan.proposalId);
    expect(again).toMatchObject({ status: 'awaiting_approval', revision: 2 });
    expect(await fixture.review({ ...plan }, keeper1)).toEqual({ refused: 'stale_digest' });
    const view = await fixture.read(plan.proposalId);
    expect(view).toMatchObject({
      parameters: { floor: 'F2' },
      justification: 'only the small one',
      revision: 2,
      reviews: [{ counts: false }],
    });
    const difference = expectDone(await fixture.inApi((tx) => readPlanDifference(tx, plan.proposalId, {}, {})));
    expect(difference.edits.map(({ kind }) => kind).sort()).toEqual(['removed', 'removed']);
    const timeline = expectDone(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId)));
    expect(timeline.map(({ type }) => type)).toEqual([
      'proposal.created',
      'proposal.simulated',
      'review.recorded',
      'proposal.changes_requested',
      'proposal.revised',
      'proposal.simulated',
    ]);
    expect(await fixture.review(again, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is the proposer\u2019s, or the person\u2019s for whom an agent proposed, who then may not approve it either', async () => {
    const bot = caller('agent-k', ['agent'], { kind: 'agent', actsFor: 'keeper-2' });
    const plan = await fixture.planned('askFloor', { name: `R${++rooms}` }, bot);
    await askForChanges(plan);
    expect(await revise(plan.proposalId, { name: `R${++rooms}` }, keeper1)).toEqual({ refused: 'not_proposer' });
    expect(await revise(plan.proposalId, { name: `R${++rooms}` }, keeper2)).toMatchObject({ status: 'simulating' });
    expect(await fixture.review(await simulated(fixture, plan.proposalId), keeper2)).toEqual({ refused: 'self_review' });
  });

  it('is refused, and nothing of it kept, where its parameters do not fit or nobody asked for it', async () => {
    const plan = await waiting();
    expect(await revise(plan.proposalId, { floor: 'F2' })).toEqual({ refused: 'not_revisable' });
    await askForChanges(plan);
    expect(await revise(plan.proposalId, { floor: 1 }, agent, { idempotencyKey: 'k1' })).toMatchObject({
      refused: 'invalid_parameters',
      faults: [{ pointer: '/parameters/floor' }],
    });
    expect(await revise(plan.proposalId, { floor: 'nowhere' }, agent, { idempotencyKey: 'k1' })).toMatchObject({
      refused: 'unknown_reference',
    });
    expect(await revise(plan.proposalId, { floor: 'F2' }, agent, { idempotencyKey: 'k1' })).toMatchObject({ repeated: false });
    expect(await revise(plan.proposalId, { floor: 'F2' }, agent, { idempotencyKey: 'k1' })).toMatchObject({ repeated: true });
    expect(await revise(plan.proposalId, { floor: 'F1' }, agent, { idempotencyKey: 'k1' })).toEqual({ refused: 'idempotency_key_reused' });
    expect((await fixture.read(plan.proposalId)).revision).toBe(2);
  });

  it('races with a withdrawal, and one of them happens', async () => {
    for (let round = 0; round < 5; round++) {
      const plan = await fixture.planned('askFloor', { name: `R${++rooms}` });
      await askForChanges(plan);
      const [revised, withdrawn] = await Promise.all([
        revise(plan.proposalId, { name: `R${++rooms}` }),
        fixture.inApi((tx) => withdrawProposal(tx, { proposalId: plan.proposalId, by: agent }, fixture.deps)),
      ]);
      const { status, revision } = await fixture.read(plan.proposalId);
      expect(status).toBe('withdrawn'); // A revision may still be withdrawn; a withdrawn proposal may not be revised.
      expect('settled' in withdrawn && withdrawn.settled?.status).toBe('withdrawn');
      expect('refused' in revised ? revised.refused : revision).toBe('refused' in revised ? 'not_revisable' : 2);
    }
  });

  it('has an expiry of its own, and comes too late after the last one', async () => {
    const plan = await fixture.planned('askFloor', { name: `R${++rooms}` });
    await askForChanges(plan);
    await fixture.database.advanceClock(30 * 60_000);
    await revise(plan.proposalId, { name: `R${++rooms}` });
    const again = await simulated(fixture, plan.proposalId);
    expect(Date.parse(again.expiresAt) - Date.parse(plan.expiresAt)).toBeGreaterThan(29 * 60_000);
    await askForChanges(again);
    await fixture.database.advanceClock(61 * 60_000);
    expect(await revise(plan.proposalId, { name: `R${++rooms}` })).toEqual({ refused: 'not_revisable' });
    expect((await fixture.read(plan.proposalId)).status).toBe('expired');
  });
});

it('whom the proposer acted for when it revised stands behind the proposal, whomever its tokens name later', async () => {
  const of = (actsFor: string) => ({ ...agent, id: 'agent-of-many', actsFor });
  const bob = caller('keeper-9', ['keeper']);
  const plan = await fixture.planned('askFloor', { name: 'first' }, of('ann'));
  await askForChanges(plan);
  expectDone(await revise(plan.proposalId, { name: 'second' }, of('keeper-9')));
  const again = await simulated(fixture, plan.proposalId);
  await fixture.inApi((tx) => resolveActor(tx, of('ann')));
  expect(await fixture.review(again, bob)).toMatchObject({ refused: 'self_review' });
  expect(await fixture.review(again, keeper2)).toMatchObject({ settled: { status: 'approved' } });
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
});
