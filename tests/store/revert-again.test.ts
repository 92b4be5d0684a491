// What still stands of an execution after its reverts, and reverts of these, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Proposed } from '../../store/create-proposal.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { getObject } from '../../store/read-object.ts';
import type { Refusal } from '../../store/refusal.ts';
import { agent, expectDone, type Fixture, keeper1, officer, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
let room = '';
let rooms = 0;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  room = `R${rooms++}`;
  await fixture.done('addFloor', { name: `F-${room}`, rooms: [{ code: room, seats: 1 }] });
});

const propose = (proposalId: string, conflicts: 'refuse' | 'skip' = 'refuse'): Promise<Proposed | Refusal> =>
  fixture.inApi((tx) => createRevert(tx, { proposalId, justification: 'back', conflicts, proposer: agent }, fixture.deps));

/** Proposes a revert, has it approved and executes it. */
async function revert(proposalId: string, conflicts?: 'skip'): Promise<string> {
  const plan = await simulated(fixture, expectDone(await propose(proposalId, conflicts)).proposalId);
  for (const reviewer of plan.status === 'awaiting_approval' ? [keeper1, officer] : []) await fixture.review(plan, reviewer);
  const ended = await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps);
  expect(ended?.status).toBe('executed');
  return plan.proposalId;
}

const closed = async () => (await fixture.done('closeRoom', { room, note: 'wet' })).proposalId;
const noted = async () => (await fixture.done('noteUse', { room })).proposalId;
const properties = async () => {
  const found = await fixture.inApi((tx) => getObject(tx, 'room', room));
  if ('refused' in found) throw new Error('the room is gone');
  const { status, note } = found.properties;
  return { status, note };
};
const standing = async (proposalId: string) => {
  const { reverted, revertedBy, reverts, actions } = await fixture.read(proposalId);
  return { reverted, revertedBy, reverts: reverts.map(({ executedAt: _at, ...one }) => one), again: actions.revert };
};
const may = { allowed: true };
const mayNot = expect.objectContaining({ allowed: false, reason: 'already_reverted' });

describe('what a revert in part left', () => {
  it('is taken back by a second one once nothing stands in its way, and that alone', async () => {
    const closing = await closed();
    const noting = await noted();
    const first = await revert(closing, 'skip');
    expect(await properties()).toEqual({ status: 'open', note: 'in use' });
    const parts = { proposalId: first, partial: true, reverted: 'none' };
    expect(await standing(closing)).toEqual({ reverted: 'partial', revertedBy: first, reverts: [parts], again: may });
    await revert(noting);
    // Others close the room once more: that is theirs, though it is what the first closing had written.
    await fixture.done('closeRoom', { room, note: 'wet' });
    const second = await revert(closing);
    expect((await fixture.read(second)).planSummary).toMatchObject({ edits: { modify: 1 } });
    expect(await properties()).toEqual({ status: 'closed', note: undefined });
    expect(await standing(closing)).toEqual({
      ...{ reverted: 'full', revertedBy: second, again: mayNot },
      reverts: [parts, { proposalId: second, partial: false, reverted: 'none' }],
    });
    expect(await propose(closing)).toEqual({ refused: 'already_reverted' });
  });

  it('is in conflict still where the conflict is', async () => {
    const closing = await closed();
    await noted();
    await revert(closing, 'skip');
    const plan = await simulated(fixture, expectDone(await propose(closing)).proposalId);
    expect(plan).toMatchObject({
      status: 'invalid',
      failure: { code: 'revert_conflict', faults: [{ objects: [{ type: 'room', id: room, property: 'note' }] }] },
    });
  });

  it('stands with what is done again by reverting the first', async () => {
    const closing = await closed();
    const noting = await noted();
    const first = await revert(closing, 'skip');
    await revert(noting);
    const second = await revert(closing);
    const third = await revert(first);
    expect(await properties()).toEqual({ status: 'closed', note: undefined });
    expect(await standing(closing)).toMatchObject({
      ...{ reverted: 'partial', revertedBy: second, again: may },
      reverts: [
        { proposalId: first, partial: true, reverted: 'full' },
        { proposalId: second, partial: false, reverted: 'none' },
      ],
    });
    expect(await standing(first)).toMatchObject({ reverted: 'full', revertedBy: third });
    expect((await fixture.read(await revert(closing))).planSummary).toMatchObject({ edits: { modify: 1 } });
    expect(await properties()).toEqual({ status: 'open', note: undefined });
  });
});

describe('an execution whose revert was reverted', () => {
  it('stands, shows its reverts with what became of them, and can be reverted again', async () => {
    const closing = await closed();
    const back = await revert(closing);
    const again = await revert(back);
    expect(await properties()).toEqual({ status: 'closed', note: 'wet' });
    expect(await standing(closing)).toEqual({
      ...{ reverted: 'none', revertedBy: null, again: may },
      reverts: [{ proposalId: back, partial: false, reverted: 'full' }],
    });
    const last = await revert(closing);
    expect(await properties()).toEqual({ status: 'open', note: undefined });
    expect(await standing(closing)).toMatchObject({
      ...{ reverted: 'full', revertedBy: last, again: mayNot },
      reverts: [
        { proposalId: back, reverted: 'none' },
        { proposalId: last, reverted: 'none' },
      ],
    });
    // What did it again is undone by that as well, and what took it back first may be said to stand.
    expect(await standing(again)).toEqual({ reverted: 'full', revertedBy: last, reverts: [], again: mayNot });
    expect(await standing(back)).toMatchObject({ reverted: 'none', revertedBy: null, again: may });
  });

  it('and that again, as often as somebody approves it', async () => {
    let newest = await closed();
    for (const status of ['open', 'closed', 'open', 'closed']) {
      newest = await revert(newest);
      expect(await properties()).toMatchObject({ status });
    }
  });
});

describe('two reverts at once', () => {
  it('of an execution and of its revert: one of them is open, the other is refused, and another begins after it', async () => {
    const closing = await closed();
    await noted();
    const first = await revert(closing, 'skip');
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([propose(first), propose(closing, 'skip'), propose(first), propose(closing, 'skip')]);
      const refused = answers.filter((answer) => 'refused' in answer);
      expect(refused).toEqual(Array(3).fill({ refused: 'revert_open' }));
      const open = answers.find((answer): answer is Proposed => !('refused' in answer));
      expect((await fixture.read(closing)).actions.revert).toMatchObject({ reason: 'revert_open' });
      const plan = await simulated(fixture, open?.proposalId ?? '');
      if (plan.status === 'awaiting_approval') await fixture.review(plan, keeper1, 'reject');
    }
  });

  it('are not let in by the database either', async () => {
    const closing = await closed();
    const back = await revert(closing);
    const open = expectDone(await propose(back));
    const copied = fixture.inApi((tx) =>
      tx.rows(
        `INSERT INTO exequatur.proposal (tenant_id, id, status, action_type, action_type_version, ontology_version, parameters, parameters_hash, justification, proposer_id, proposer_kind,
           proposer_roles, revision_seed, evaluated_at, expires_at, revert_of, status_timestamps, created_at, updated_at)
         SELECT p.tenant_id, gen_random_uuid(), 'simulating', p.action_type, p.action_type_version, p.ontology_version, p.parameters, p.parameters_hash, p.justification, p.proposer_id, p.proposer_kind,
           p.proposer_roles, p.revision_seed, p.evaluated_at, p.expires_at, p.revert_root, '{}', p.created_at, p.updated_at FROM exequatur.proposal p WHERE p.id = $1::uuid`,
        [open.proposalId],
      ),
    );
    await expect(copied).rejects.toThrow(/proposal_open_revert/);
  });
});
