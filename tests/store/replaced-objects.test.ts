// What one action of a change set deletes and a later one creates again; on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeSetName } from '../../ontology/change-set.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { readPlan } from '../../store/read-plan.ts';
import { stateHash } from '../../store/state-hash.ts';
import { agent, building, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';

const withRooms = {
  ...building,
  actionTypes: {
    ...building.actionTypes,
    removeRoom: {
      parameters: { room: { type: 'reference', to: 'room', required: true } },
      rules: [{ rule: 'delete', type: 'room', object: 'room' }],
      approvalPolicy: 'by-itself',
    },
    addRoom: {
      parameters: { code: { type: 'string', required: true }, seats: { type: 'integer' } },
      rules: [{ rule: 'create', type: 'room', set: { code: 'code', seats: 'seats' } }],
      approvalPolicy: 'by-itself',
    },
  },
} as JsonValue;

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture(withRooms);
});
afterAll(() => fixture.close());

const replace = (room: string, seats: number) => {
  const actions = [
    { actionType: 'removeRoom', parameters: { room } },
    { actionType: 'addRoom', parameters: { code: room, seats } },
  ];
  return fixture.planned(changeSetName(actions.map(({ actionType }) => actionType)), { actions });
};
const approved = async (plan: { proposalId: string; digest: string | null }) => void expectDone(await fixture.review(plan, keeper1));
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const roomOf = async (code: string) => {
  const [row] = await fixture.inWorker((tx) =>
    tx.rows<{ version: number; properties: JsonObject }>(
      `SELECT o.version::int, o.properties FROM exequatur.object o WHERE o.type = 'room' AND o.id = $1 AND o.alive`,
      [code],
    ),
  );
  return row;
};

describe('an object that a change set deletes and creates again', () => {
  it('is modified once, in all that differs, and a revert restores it to the byte', async () => {
    await fixture.done('addFloor', { name: 'A', rooms: [{ code: 'A-1', seats: 2 }] });
    await fixture.done('closeRoom', { room: 'A-1', note: 'damp' });
    const before = await fixture.inWorker((tx) => stateHash(tx));
    const plan = await replace('A-1', 5);
    const { edits, summary } = expectDone(await fixture.inApi((tx) => readPlan(tx, plan.proposalId)));
    const change = { set: { seats: 5, status: 'open' }, unset: ['floor', 'note'] };
    const was = { seats: 2, status: 'closed', floor: 'A', note: 'damp' };
    expect(edits).toEqual([{ op: 'modify', type: 'room', id: 'A-1', ...change, before: was }]);
    expect(summary?.edits).toMatchObject({ create: 0, modify: 1, delete: 0 });
    await approved(plan);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await roomOf('A-1')).toEqual({ version: 3, properties: { code: 'A-1', seats: 5, status: 'open' } });
    const history = await fixture.inWorker((tx) =>
      tx.rows(
        `SELECT h.op, h.before, h.set, h.unset, h.version::int AS version FROM exequatur.object_history h WHERE h.type = 'room' AND h.object_id = 'A-1' ORDER BY h.version DESC LIMIT 1`,
      ),
    );
    expect(history).toEqual([{ op: 'modify', before: was, ...change, version: 3 }]);
    const revert = expectDone(
      await fixture.inApi((tx) => createRevert(tx, { proposalId: plan.proposalId, justification: 'back', proposer: agent }, fixture.deps)),
    );
    await approved(await simulated(fixture, revert.proposalId));
    expect(await execute(revert.proposalId)).toMatchObject({ status: 'executed' });
    expect(await fixture.inWorker((tx) => stateHash(tx))).toBe(before);
  });

  it('is not found changed where it is created as it was', async () => {
    await fixture.done('addRoom', { code: 'B-1', seats: 4 });
    const plan = await replace('B-1', 4);
    expect(expectDone(await fixture.inApi((tx) => readPlan(tx, plan.proposalId))).edits).toEqual([]);
  });

  it('makes the plan stale when somebody writes what it did not have, which would have gone with it', async () => {
    await fixture.done('addRoom', { code: 'C-1', seats: 4 });
    const plan = await replace('C-1', 6);
    await approved(plan);
    await fixture.done('noteUse', { room: 'C-1' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    const again = await simulated(fixture, plan.proposalId);
    expect(expectDone(await fixture.inApi((tx) => readPlan(tx, plan.proposalId))).edits).toMatchObject([{ unset: ['note'] }]);
    await approved(again);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await roomOf('C-1')).toMatchObject({ properties: { code: 'C-1', seats: 6, status: 'open' } });
  });
});
