// Runs against a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agent, caller, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';

const rooms = [{ code: 'A1', seats: 4 }, { code: 'A2' }];

describe('proposing', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await openFixture();
  });
  afterAll(() => fixture.close());

  it('stores one proposal for fifty equal requests at once, and tells all of them of it', async () => {
    const idempotencyKey = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => fixture.propose('addFloor', { name: 'A', rooms }, { idempotencyKey })),
    );
    const proposed = answers.map(expectDone);
    expect(new Set(proposed.map(({ proposalId }) => proposalId)).size).toBe(1);
    expect(proposed.filter(({ repeated }) => !repeated)).toHaveLength(1);
    const [counts] = await fixture.inApi((tx) =>
      tx.rows(`SELECT (SELECT count(*)::int FROM exequatur.proposal) AS proposals, (SELECT count(*)::int FROM exequatur.nudge) AS nudges,
                      (SELECT count(*)::int FROM exequatur.outbox WHERE type = 'proposal.created') AS events,
                      (SELECT count(*)::int FROM exequatur.audit_entry WHERE type = 'proposal.created') AS entries`),
    );
    expect(counts).toEqual({ proposals: 1, nudges: 1, events: 1, entries: 1 });
  });

  it('refuses another request under a used key, and leaves the key to its first', async () => {
    const idempotencyKey = randomUUID();
    const first = expectDone(await fixture.propose('addFloor', { name: 'B', rooms }, { idempotencyKey }));
    expect(await fixture.propose('addFloor', { name: 'C', rooms }, { idempotencyKey })).toMatchObject({
      refused: 'idempotency_key_reused',
    });
    expect(await fixture.propose('addFloor', { name: 'B', rooms }, { idempotencyKey })).toMatchObject({
      proposalId: first.proposalId,
      repeated: true,
    });
  });

  it('keeps the key of another principal apart', async () => {
    const idempotencyKey = randomUUID();
    const one = expectDone(await fixture.propose('addFloor', { name: 'D', rooms }, { idempotencyKey }));
    const other = expectDone(await fixture.propose('addFloor', { name: 'D', rooms }, { idempotencyKey, proposer: keeper1 }));
    expect(other.proposalId).not.toBe(one.proposalId);
  });

  it('stores nothing of a refused request, so that its key can be used again', async () => {
    const idempotencyKey = randomUUID();
    const refused = await fixture.propose('closeRoom', { room: 'nowhere' }, { idempotencyKey });
    expect(refused).toMatchObject({ refused: 'unknown_reference', faults: [{ pointer: '/parameters/room' }] });
    expect(await fixture.propose('addFloor', { name: 'E', rooms }, { idempotencyKey })).toMatchObject({ repeated: false });
  });

  it.each([
    ['an unknown action type', 'demolish', {}, agent, 'unknown_action_type'],
    ['a version that is not there', 'addFloor@7', { name: 'F', rooms }, agent, 'unknown_action_type'],
    ['unknown and missing parameters', 'addFloor', { title: 'F' }, agent, 'invalid_parameters'],
    ['a principal without roles', 'addFloor', { name: 'F', rooms }, caller('nobody', []), 'forbidden'],
    ['an auditor', 'addFloor', { name: 'F', rooms }, caller('auditor', ['auditor']), 'forbidden'],
  ])('refuses %s', async (_name, actionType, parameters, proposer, refused) => {
    expect(await fixture.propose(actionType, parameters, { proposer })).toMatchObject({ refused });
  });

  it('takes an action type by its version', async () => {
    expect(await fixture.propose('addFloor@1', { name: 'G', rooms })).toMatchObject({ repeated: false, status: 'simulating' });
  });

  it('stores the plan once, however often and by however many it is simulated', async () => {
    const { proposalId } = expectDone(await fixture.propose('addFloor', { name: 'H', rooms: [{ code: 'H1' }] }));
    const settled = await Promise.all([1, 2, 3].map(() => simulated(fixture, proposalId)));
    expect(new Set(settled.map(({ digest }) => digest)).size).toBe(1);
    expect(settled.every(({ status }) => status === 'approved')).toBe(true); // Policy alone.
    const view = await fixture.read(proposalId);
    expect(view.planSummary?.edits).toEqual({ create: 2, modify: 0, delete: 0, link: 0, unlink: 0 });
    const [count] = await fixture.inApi((tx) =>
      tx.rows('SELECT count(*)::int AS n FROM exequatur.plan WHERE proposal_id = $1::uuid', [proposalId]),
    );
    expect(count).toEqual({ n: 1 });
  });
});
