// Criteria that time alone makes fail: asked again with the present at each approval, each simulation and before the execution. On a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { stateHash } from '../../store/state-hash.ts';
import { agent, building, expectDone, type Fixture, keeper1, officer, openFixture, simulated } from './fixture.ts';

const minuteMs = 60_000;
const late = { code: 'criteria_failed', pointer: '/criteria/0', message: 'It is too late to book.' };

/** Rooms are booked until a deadline of the caller's own; two stages, so that time can pass between the approvals, and one that policy approves alone. */
const bookRoom = {
  parameters: { room: { type: 'reference', to: 'room', required: true }, deadline: { type: 'timestamp', required: true } },
  criteria: [
    { condition: 'evaluatedAt < deadline', message: late.message },
    { condition: 'room.seats > 0', message: 'The room has no seats.' },
  ],
  rules: [{ rule: 'modify', type: 'room', object: 'room', set: { note: "'booked at ' + string(evaluatedAt)" } }],
  approvalPolicy: 'two-stage',
};
const document = {
  ...building,
  actionTypes: { ...building.actionTypes, bookRoom, bookRoomAlone: { ...bookRoom, approvalPolicy: 'by-itself' } },
};

let fixture: Fixture;
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const hash = () => fixture.inApi((tx) => stateHash(tx));

/** Parameters whose deadline is so many minutes after the present of the database, which the tests move. */
async function until(room: string, minutes: number): Promise<JsonObject> {
  const [row] = await fixture.inApi((tx) => tx.rows<{ now: Date }>('SELECT exequatur.clock() AS now'));
  return { room, deadline: new Date((row?.now.getTime() ?? 0) + minutes * minuteMs).toISOString() };
}

beforeAll(async () => {
  fixture = await openFixture(document);
  await fixture.done('addFloor', {
    name: 'F1',
    rooms: [
      { code: 'A', seats: 4 },
      { code: 'B', seats: 2 },
    ],
  });
});
afterAll(() => fixture.close());

describe('a plan whose time has passed', () => {
  it('is not approved: the review is refused as stale, and the proposal ends as invalid with the criterion named', async () => {
    const plan = await fixture.planned('bookRoom', await until('A', 10));
    expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { status: 'awaiting_approval' } });
    await fixture.database.advanceClock(11 * minuteMs);
    expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'stale_plan', settled: { status: 'simulating' } });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({
      status: 'invalid',
      failure: { code: 'criteria_failed', faults: [late] },
    });
    expect((await fixture.read(plan.proposalId)).reviews.map(({ reviewer }) => reviewer.id)).toEqual(['keeper-1']);
  });

  it('may still be rejected', async () => {
    const plan = await fixture.planned('bookRoom', await until('A', 10));
    await fixture.database.advanceClock(11 * minuteMs);
    expect(await fixture.review(plan, keeper1, 'reject')).toMatchObject({ settled: { status: 'rejected' } });
  });

  it('is not executed although it was approved in time, and says why', async () => {
    const before = await hash();
    const plan = await fixture.planned('bookRoom', await until('A', 10));
    await fixture.review(plan, keeper1);
    expect(await fixture.review(plan, officer)).toMatchObject({ settled: { status: 'approved' } });
    await fixture.database.advanceClock(11 * minuteMs);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({
      status: 'invalid',
      failure: { code: 'criteria_failed', faults: [late] },
    });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'invalid' });
    expect(await hash()).toBe(before);
    const timeline = expectDone(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId)));
    expect(timeline.map(({ type }) => type).slice(-3)).toEqual(['proposal.approved', 'proposal.simulating', 'proposal.invalid']);
  });

  it('is not executed where policy alone approved it', async () => {
    const plan = await fixture.planned('bookRoomAlone', await until('A', 10));
    expect(plan.status).toBe('approved');
    await fixture.database.advanceClock(11 * minuteMs);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'invalid', failure: { faults: [late] } });
  });

  it('is not even made where the first simulation comes too late', async () => {
    const { proposalId } = expectDone(await fixture.propose('bookRoom', await until('A', 10)));
    await fixture.database.advanceClock(11 * minuteMs);
    expect(await simulated(fixture, proposalId)).toMatchObject({ status: 'invalid', digest: null, failure: { faults: [late] } });
  });
});

describe('a plan whose time has not passed', () => {
  it('comes out equal when it is simulated again later, since what is written is the instant of its revision, and keeps its approval', async () => {
    const plan = await fixture.planned('bookRoom', await until('B', 30));
    await fixture.review(plan, keeper1);
    await fixture.database.advanceClock(5 * minuteMs);
    await fixture.done('setSeats', { room: 'B', seats: 3 }); // Read by the other criterion.
    expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'stale_plan' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({
      status: 'awaiting_approval',
      digest: plan.digest,
      missing: '1 more approval for safety',
    });
    await fixture.review(plan, officer);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is reverted at any time: a revert has no criteria', async () => {
    const booked = await fixture.done('bookRoomAlone', await until('B', 10));
    const { proposalId } = expectDone(
      await fixture.inApi((tx) =>
        createRevert(tx, { proposalId: booked.proposalId, justification: 'take it back', proposer: agent }, fixture.deps),
      ),
    );
    await fixture.database.advanceClock(11 * minuteMs);
    expect(await simulated(fixture, proposalId)).toMatchObject({ status: 'approved' });
    expect(await execute(proposalId)).toMatchObject({ status: 'executed' });
  });
});
