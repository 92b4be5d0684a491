// What was proposed under definitions that were replaced since, with clones from tests/support/database.ts: a weaker policy, a property or a type of yesterday must not get in.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { agent, building, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, shareDatabase, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture.close());

const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);

/** Uploads the document with a change. */
async function upload(change: (document: typeof building) => void): Promise<void> {
  const document = structuredClone(building);
  change(document);
  expectDone(await uploaded(fixture, document as unknown as JsonValue));
}

const stricter = (document: typeof building) => Object.assign(document.actionTypes.askFloor, { approvalPolicy: 'two-stage' });
const unrelated = (document: typeof building) => Object.assign(document.actionTypes.closeFloor, { approvalPolicy: 'two-stage' });

describe('an action type that has another version now', () => {
  it('can be proposed only as it is now, by its name or its present version', async () => {
    await upload(stricter);
    expect(await fixture.propose('askFloor@1', { name: 'weak' })).toMatchObject({ refused: 'action_type_superseded' });
    expect(await fixture.propose('askFloor@2', { name: 'strict' })).toMatchObject({ status: 'simulating' });
    expect(await fixture.propose('askFloor', { name: 'strict too' })).toMatchObject({ status: 'simulating' });
    for (const version of ['2e0', '0x2', ' 2', '02', '2.0', ''])
      expect(await fixture.propose(`askFloor@${version}`, { name: 'odd' })).toMatchObject({ refused: 'unknown_action_type' });
  });

  it('takes a plan that waits for approval out of force, and the reviewer learns it', async () => {
    const plan = await fixture.planned('askFloor', { name: 'F1' });
    await upload(stricter);
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'stale_plan', settled: { status: 'simulating' } });
    const again = await simulated(fixture, plan.proposalId);
    expect(again).toMatchObject({ status: 'awaiting_approval', revision: 2, missing: expect.stringContaining('safety') });
    expect(again.digest).not.toBe(plan.digest);
    expect(await fixture.read(plan.proposalId)).toMatchObject({ actionType: { name: 'askFloor', version: 2 } });
  });

  it('takes an approved plan out of force before it is executed, and its approval is not one of the new plan', async () => {
    const plan = await fixture.planned('askFloor', { name: 'F1' });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    await upload(stricter);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    const again = await simulated(fixture, plan.proposalId);
    expect(again).toMatchObject({ status: 'awaiting_approval', revision: 2 });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expect(await fixture.review(again, keeper1)).toMatchObject({ settled: { status: 'awaiting_approval' } });
    expect(await fixture.review(again, officer)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('ends what is proposed when it is gone', async () => {
    const plan = await fixture.planned('askFloor', { name: 'F1' });
    await upload((document) => Reflect.deleteProperty(document.actionTypes, 'askFloor'));
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'stale_plan', settled: { status: 'simulating' } });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'invalid', failure: { code: 'action_type_superseded' } });
  });

  it('leaves plans of other action types as they are', async () => {
    const plan = await fixture.planned('askFloor', { name: 'F1' });
    await upload(unrelated);
    expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });
});

describe('a revert', () => {
  const revert = async (proposalId: string) => {
    const request = { proposalId, justification: 'undo', proposer: agent };
    const proposed = expectDone(await fixture.inApi((tx) => createRevert(tx, request, fixture.deps)));
    return simulated(fixture, proposed.proposalId);
  };

  it('keeps its approvals over an upload that it fits', async () => {
    const { proposalId } = await fixture.done('askFloor', { name: 'F1' });
    const plan = await revert(proposalId);
    expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    await upload(unrelated);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'approved', digest: plan.digest });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('restores nothing that the definitions no longer allow', async () => {
    await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A', seats: 4 }] });
    const seats = await fixture.done('setSeats', { room: 'A', seats: 2 });
    await upload((document) => Object.assign(document.objectTypes.room.properties.seats, { maximum: 3 }));
    expect(await revert(seats.proposalId)).toMatchObject({
      status: 'invalid',
      failure: { code: 'revert_conflict', faults: [{ objects: [{ type: 'room', id: 'A', property: 'seats' }] }] },
    });
  });
});

describe('an object type that asks for more people now', () => {
  it('strands no proposal: its reviewers hear that the plan is out of force, and none gets an error', async () => {
    const plan = await fixture.planned('askFloor', { name: 'F1' });
    await upload((document) => {
      Object.assign(document.objectTypes.floor, { minimumApprovals: 2 });
      for (const name of ['addFloor', 'askFloor', 'askFloorTwice'] as const)
        Object.assign(document.actionTypes[name], { approvalPolicy: 'two-stage' });
    });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'stale_plan' });
    expect(await fixture.review(plan, keeper2)).toMatchObject({ refused: 'not_awaiting_approval' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'awaiting_approval', revision: 2 });
  });
});
