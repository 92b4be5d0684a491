// Executions and reverts through the door, on a clone from tests/support/database.ts.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal, executionIdOf } from '../../store/execute-proposal.ts';
import { listObjects } from '../../store/list-objects.ts';
import { readLinks } from '../../store/read-links.ts';
import { getObject, readHistory } from '../../store/read-object.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { stateHash } from '../../store/state-hash.ts';
import { writeUntold } from '../support/write-untold.ts';
import { agent, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const object = (type: string, id: string) => fixture.inApi((tx) => getObject(tx, type, id));
const hash = () => fixture.inApi((tx) => stateHash(tx));
const revert = (proposalId: string, proposer = agent) =>
  fixture.inApi((tx) => createRevert(tx, { proposalId, justification: 'take it back', proposer }, fixture.deps));

beforeAll(async () => {
  fixture = await openFixture();
  await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A', seats: 4 }, { code: 'B' }, { code: 'C', seats: 9 }] });
});
afterAll(() => fixture.close());

describe('an execution', () => {
  it('does exactly what was approved, and is told everywhere', async () => {
    const plan = await fixture.planned('closeRoom', { room: 'A', note: 'paint' });
    await fixture.review(plan, keeper1);
    await fixture.review(plan, officer);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed', edits: 1, missing: '' });
    expect(await object('room', 'A')).toEqual({
      type: 'room',
      id: 'A',
      version: 2,
      properties: { code: 'A', seats: 4, floor: 'F1', status: 'closed', note: 'paint' },
    });
    const { history } = expectDone(await fixture.inApi((tx) => readHistory(tx, 'room', 'A')));
    expect(history).toMatchObject([
      {
        version: 2,
        op: 'modify',
        before: { status: 'open' },
        set: { status: 'closed', note: 'paint' },
        proposalId: plan.proposalId,
        executionId: executionIdOf(plan.proposalId),
      },
      { version: 1, op: 'create', actionType: 'addFloor' },
    ]);
    const view = await fixture.read(plan.proposalId);
    expect(view).toMatchObject({
      status: 'executed',
      execution: { id: executionIdOf(plan.proposalId), edits: 1 },
      reverted: 'none',
      actions: { revert: { allowed: true } },
    });
    expect(Object.keys(view.statusTimestamps).sort()).toEqual(['approved', 'awaiting_approval', 'executed', 'executing', 'simulating']);
    const timeline = expectDone(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId)));
    expect(timeline.map(({ type }) => type)).toEqual([
      'proposal.created',
      'proposal.simulated',
      'review.recorded',
      'review.recorded',
      'proposal.approved',
      'proposal.executing',
      'proposal.executed',
    ]);
    const events = await fixture.inApi((tx) =>
      tx.rows(
        `SELECT o.type FROM exequatur.outbox o JOIN exequatur.audit_entry e ON e.tenant_id = o.tenant_id AND e.id = o.audit_entry_id
          WHERE o.proposal_id = $1::uuid ORDER BY e.seq, o.type DESC`,
        [plan.proposalId],
      ),
    );
    expect(events.map(({ type }) => type).slice(-3)).toEqual(['proposal.executing', 'proposal.executed', 'object.changes']);
  });

  it('happens once when many workers run it at once, and again', async () => {
    const plan = await fixture.planned('setSeats', { room: 'A', seats: 5 });
    const settled = await Promise.all(Array.from({ length: 4 }, () => execute(plan.proposalId)));
    expect(settled.map((state) => state?.status)).toEqual(['executed', 'executed', 'executed', 'executed']);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await object('room', 'A')).toMatchObject({ version: 3, properties: { seats: 5 } });
  });

  it('does not happen before people have approved, nor after a withdrawal', async () => {
    const plan = await fixture.planned('closeRoom', { room: 'B' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    await fixture.review(plan, keeper1);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval', missing: '1 more approval for safety' });
    expect(await object('room', 'B')).toMatchObject({ version: 1, properties: { status: 'open' } });
  });

  it('asks for approval again where an approver lost standing meanwhile', async () => {
    const plan = await fixture.planned('closeFloor', { floor: 'F1' });
    await fixture.review(plan, keeper2);
    await writeUntold(fixture.database, `UPDATE exequatur.principal SET disabled = true WHERE id = 'keeper-2'`);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval', missing: '1 more approval for keepers' });
    await writeUntold(fixture.database, `UPDATE exequatur.principal SET disabled = false WHERE id = 'keeper-2'`);
    expect(await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({ status: 'approved' });
  });
});

describe('a plan that is not what was approved', () => {
  it('ends the proposal as failed, says why, and leaves nothing', async () => {
    const before = await hash();
    const plan = await fixture.planned('closeRoom', { room: 'B', note: 'as approved' });
    await fixture.review(plan, keeper1);
    await fixture.review(plan, officer);
    const intruder = new pg.Client({ connectionString: fixture.database.urls.superuser });
    await intruder.connect();
    await intruder.query(`SET session_replication_role = replica`); // Switches the append-only triggers off.
    await intruder.query(
      `UPDATE exequatur.plan_chunk c SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), 'as approved', 'as bought'), 'UTF8')
         FROM exequatur.proposal p WHERE p.plan_id = c.plan_id AND p.id = $1`,
      [plan.proposalId],
    );
    await intruder.end();
    expect(await execute(plan.proposalId)).toMatchObject({
      status: 'failed',
      failure: { code: 'execution_failed', faults: [{ code: 'plan_tampered' }] },
    });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'failed' });
    expect(await fixture.read(plan.proposalId)).toMatchObject({
      status: 'failed',
      execution: null,
      failure: { title: 'The execution was refused by the database.' },
    });
    expect(await hash()).toBe(before);
  });
});

describe('staleness', () => {
  it('keeps the approvals where the plan comes out the same', async () => {
    await fixture.done('addFloor', { name: 'F8', rooms: [{ code: 'U', seats: 1 }] });
    const plan = await fixture.planned('noteUse', { room: 'U' });
    await fixture.review(plan, keeper1);
    await fixture.done('setSeats', { room: 'U', seats: 2 }); // Read by the criterion.
    expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'stale_plan' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({
      status: 'awaiting_approval',
      digest: plan.digest,
      missing: '1 more approval for safety',
    });
    expect(await fixture.review(plan, officer)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is not seen where nothing that was read changed', async () => {
    const plan = await fixture.planned('closeFloor', { floor: 'F1' }); // B and C; A is closed already.
    await fixture.review(plan, keeper1);
    await fixture.done('addFloor', { name: 'F2', rooms: [{ code: 'Z' }] }); // Moves the counters, changes nothing that was selected.
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed', edits: 2 });
  });

  it('simulates again where what was read changed, and voids approvals of another plan', async () => {
    await fixture.done('addFloor', { name: 'F3', rooms: [{ code: 'K' }] });
    const plan = await fixture.planned('closeFloor', { floor: 'F3' });
    await fixture.review(plan, keeper1);
    await fixture.done('closeRoom', { room: 'K', note: 'first' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    const again = await simulated(fixture, plan.proposalId);
    expect(again).toMatchObject({ status: 'awaiting_approval', edits: 0, missing: '1 more approval for keepers' });
    expect(again.digest).not.toBe(plan.digest);
    expect(await fixture.review(plan, keeper1)).toEqual({ refused: 'stale_digest' });
    expect(await fixture.review(again, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    expect((await fixture.read(plan.proposalId)).reviews.map(({ counts }) => counts)).toEqual([false, true]);
  });

  it('is found when somebody approves; the plan that comes back equal needs no second approval', async () => {
    await fixture.done('addFloor', { name: 'F4', rooms: [{ code: 'M', seats: 1 }] });
    const plan = await fixture.planned('closeRoom', { room: 'M', note: 'x' });
    await fixture.review(plan, keeper1);
    await fixture.done('closeRoom', { room: 'M', note: 'y' });
    expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'stale_plan', settled: { status: 'simulating' } });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'invalid', failure: { code: 'criteria_failed' } });
    expect((await fixture.read(plan.proposalId)).failure).toMatchObject({
      code: 'criteria_failed',
      faults: [{ message: 'The room is closed already.' }],
    });
  });

  it('is nothing where another property changed', async () => {
    await fixture.done('addFloor', { name: 'F5', rooms: [{ code: 'N', seats: 1 }] });
    const plan = await fixture.planned('closeRoom', { room: 'N' });
    await fixture.review(plan, keeper1);
    await fixture.done('setSeats', { room: 'N', seats: 2 });
    expect(await fixture.review(plan, officer)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await object('room', 'N')).toMatchObject({ version: 3, properties: { seats: 2, status: 'closed' } });
  });
});

describe('a revert', () => {
  it('restores the state to the byte, is governed like the original, and happens once', async () => {
    await fixture.done('addFloor', { name: 'F6', rooms: [{ code: 'P', seats: 3 }, { code: 'Q' }] });
    const before = await hash();
    const plan = await fixture.planned('closeRoom', { room: 'P', note: 'wet' });
    expect(await revert(plan.proposalId)).toEqual({ refused: 'not_revertible' });
    await fixture.review(plan, keeper1);
    await fixture.review(plan, officer);
    await execute(plan.proposalId);
    const answers = await Promise.all([revert(plan.proposalId), revert(plan.proposalId, keeper2)]);
    expect(answers.filter((answer) => 'refused' in answer)).toEqual([{ refused: 'revert_open' }]);
    const open = answers.find((answer) => !('refused' in answer));
    if (open === undefined || 'refused' in open) throw new Error('expected one revert');
    const inverse = await simulated(fixture, open.proposalId);
    expect(inverse).toMatchObject({
      status: 'awaiting_approval',
      edits: 1,
      actionType: 'closeRoom',
      missing: '1 more approval for keepers, 1 more approval for safety',
    });
    await fixture.review(inverse, keeper1);
    await fixture.review(inverse, officer);
    expect(await execute(open.proposalId)).toMatchObject({ status: 'executed' });
    expect(await hash()).toBe(before);
    expect(await fixture.read(plan.proposalId)).toMatchObject({
      reverted: 'full',
      revertedBy: open.proposalId,
      actions: { revert: { reason: 'already_reverted' } },
    });
    expect(await fixture.read(open.proposalId)).toMatchObject({ revertOf: executionIdOf(plan.proposalId) });
    expect(await revert(plan.proposalId)).toEqual({ refused: 'already_reverted' });
  });

  it('takes created objects away again, and refuses as a whole once they are changed or referred to', async () => {
    const before = await hash();
    const added = await fixture.done('addFloor', { name: 'F7', rooms: [{ code: 'S' }, { code: 'T' }] });
    const joined = await fixture.done('join', { a: 'S', b: 'T' });
    const blocked = expectDone(await revert(added.proposalId));
    const refused = await simulated(fixture, blocked.proposalId);
    expect(refused).toMatchObject({ status: 'invalid', failure: { code: 'revert_conflict' } });
    for (const { proposalId } of [joined, added]) {
      const inverse = expectDone(await revert(proposalId));
      expect(await simulated(fixture, inverse.proposalId)).toMatchObject({ status: 'approved' });
      expect(await execute(inverse.proposalId)).toMatchObject({ status: 'executed' });
    }
    expect(await hash()).toBe(before);
    expect(await object('room', 'S')).toEqual({ refused: 'not_found' });
  });
});

describe('objects', () => {
  it('are listed by filter and order, in pages that neither skip nor repeat', async () => {
    const list = (query: object) => fixture.inApi((tx) => listObjects(tx, 'room', query, fixture.deps));
    const all = expectDone(await list({}));
    const ids = all.objects.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = expectDone(await list({ orderBy: 'seats desc', pageSize: 2, ...(pageToken === undefined ? {} : { pageToken }) }));
      seen.push(...page.objects.map(({ id }) => id));
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    expect([...seen].sort()).toEqual(ids);
    expect(seen[0]).toBe('C');
    const closed = expectDone(await list({ filter: "status == 'closed' && seats > 1" }));
    expect(closed.objects.map(({ id }) => id)).toEqual(['A', 'C', 'N']);
    expect(await list({ filter: 'colour == 1' })).toMatchObject({ refused: 'invalid_filter' });
    expect(await list({ orderBy: 'colour' })).toMatchObject({ refused: 'malformed_request' });
    expect(await fixture.inApi((tx) => listObjects(tx, 'ship', {}, fixture.deps))).toEqual({ refused: 'unknown_object_type' });
  });

  it('are walked along links from either end', async () => {
    await fixture.done('join', { a: 'A', b: 'B' });
    const walk = async (type: string, id: string, link: string, more = {}) => {
      const page = await fixture.inApi((tx) => readLinks(tx, type, id, link, more, fixture.deps));
      return 'refused' in page ? page.refused : page.objects.map((found) => found.id);
    };
    expect(await walk('floor', 'F1', 'rooms')).toEqual(['A', 'B', 'C']);
    expect(await walk('room', 'A', 'rooms')).toEqual(['F1']);
    expect(await walk('room', 'A', 'neighbours')).toEqual(['B']);
    expect(await walk('room', 'B', 'neighbours')).toEqual([]);
    expect(await walk('room', 'B', 'neighbours', { reverse: true })).toEqual(['A']);
    expect(await walk('floor', 'F1', 'neighbours')).toBe('unknown_link_type');
    expect(await walk('floor', 'F99', 'rooms')).toBe('not_found');
  });
});
