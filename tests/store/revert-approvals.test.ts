// Who approves a revert when the touched types ask for more people than they did, on a clone from tests/support/database.ts.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { ProposalView } from '../../store/proposal-view.ts';
import type { Settled } from '../../store/settle.ts';
import { agent, building, expectDone, type Fixture, keeper1, keeper2, openFixture, shareDatabase, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture.close());

async function upload(change: (document: typeof building) => void): Promise<unknown> {
  const document = structuredClone(building);
  change(document);
  return uploaded(fixture, document as unknown as JsonValue);
}

/** From now on every action that touches a floor has two people, and so has every floor. */
const floorsAskForTwo = () =>
  upload((document) => {
    Object.assign(document.objectTypes.floor, { minimumApprovals: 2 });
    for (const action of ['addFloor', 'askFloor'] as const) Object.assign(document.actionTypes[action], { approvalPolicy: 'two-stage' });
  });

async function reverting({ proposalId }: Settled): Promise<Settled> {
  const wish = { proposalId, justification: 'undo', proposer: agent };
  const { proposalId: revert } = expectDone(await fixture.inApi((tx) => createRevert(tx, wish, fixture.deps)));
  return simulated(fixture, revert);
}
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);

it.each([
  ['policy alone', 'addFloor', { name: 'F1', rooms: [] }],
  ['one person', 'askFloor', { name: 'F1' }],
])(
  'the revert of what %s had approved is approved by as many people as its types ask for now, and executes',
  async (_, action, parameters) => {
    const done = await fixture.done(action, parameters);
    expectDone((await floorsAskForTwo()) as object);
    const revert = await reverting(done);
    expect(revert).toMatchObject({ status: 'awaiting_approval', missing: '2 more approvals for keepers' });
    expect(await fixture.review(revert, keeper1)).toMatchObject({ settled: { status: 'awaiting_approval' } });
    expect(await fixture.review(revert, keeper2)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(revert.proposalId)).toMatchObject({ status: 'executed' });
  },
);

it('the revert of what policy alone had approved is approved by policy where nobody asks for more', async () => {
  const revert = await reverting(await fixture.done('addFloor', { name: 'F1', rooms: [] }));
  expect(revert).toMatchObject({ status: 'approved' });
  expect(await execute(revert.proposalId)).toMatchObject({ status: 'executed' });
});

it.each<[string, (document: typeof building) => void]>([
  ['touches what became sensitive', ({ objectTypes }) => Object.assign(objectTypes.room.properties.seats, { sensitive: true })],
  ['is approved by people now', ({ actionTypes }) => Object.assign(actionTypes.setSeats, { approvalPolicy: 'one-keeper' })],
  ['admits other proposers now', ({ actionTypes }) => Object.assign(actionTypes.setSeats, { proposers: "'keeper' in proposer.roles" })],
  ['is gone', ({ actionTypes }) => Reflect.deleteProperty(actionTypes, 'setSeats')],
])('the revert of what policy alone had approved is approved by people where the action %s, and executes', async (_, change) => {
  await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A', seats: 3 }] });
  const done = await fixture.done('setSeats', { room: 'A', seats: 5 });
  expectDone((await upload(change)) as object);
  const revert = await reverting(done);
  expect(revert).toMatchObject({ status: 'awaiting_approval' });
  expect(await fixture.review(revert, keeper1)).toMatchObject({ settled: { status: 'approved' } });
  expect(await execute(revert.proposalId)).toMatchObject({ status: 'executed' });
});

it('a revert that policy alone approved is approved by people once the action admits its proposer no more', async () => {
  await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A', seats: 3 }] });
  const revert = await reverting(await fixture.done('setSeats', { room: 'A', seats: 5 }));
  expect(revert).toMatchObject({ status: 'approved' });
  expectDone(
    (await upload(({ actionTypes }) => Object.assign(actionTypes.setSeats, { proposers: "'keeper' in proposer.roles" }))) as object,
  );
  expect(await execute(revert.proposalId)).toMatchObject({ status: 'simulating' });
  expect(await simulated(fixture, revert.proposalId)).toMatchObject({ status: 'awaiting_approval' });
});

it('a document whose policy asks fewer people for a link than the linked types do is refused, as the database would refuse every such link', async () => {
  const answer = await upload((document) => {
    Object.assign(document.objectTypes.room, { minimumApprovals: 1 });
    for (const action of ['addFloor', 'setSeats'] as const) Object.assign(document.actionTypes[action], { approvalPolicy: 'one-keeper' });
  });
  expect(answer).toMatchObject({
    refused: 'invalid_ontology',
    faults: [{ pointer: '/actionTypes/join/approvalPolicy', message: 'room asks for 1 approvals, and this policy may do with 0' }],
  });
});

it('an execution is reverted within the time that the document gives, and not after it', async () => {
  const before = await fixture.done('addFloor', { name: 'F1', rooms: [] });
  expectDone((await upload((document) => Object.assign(document, { revertWithin: 'P30D' }))) as object);
  const day = 86_400_000;
  await fixture.database.advanceClock(29 * day);
  const after = await fixture.done('addFloor', { name: 'F2', rooms: [] });
  await fixture.database.advanceClock(2 * day);
  const wish = { proposalId: before.proposalId, justification: 'undo', proposer: agent };
  expect(await fixture.inApi((tx) => createRevert(tx, wish, fixture.deps))).toMatchObject({ refused: 'revert_too_late' });
  const [past, recent] = await Promise.all([before, after].map(({ proposalId }) => fixture.read(proposalId)));
  for (const { execution } of [past, recent] as ProposalView[])
    expect(Date.parse(execution?.revertibleUntil ?? '') - Date.parse(execution?.executedAt ?? '')).toBe(30 * day);
  expect(past?.actions.revert).toMatchObject({ allowed: false, reason: 'revert_too_late' });
  expect(recent?.actions.revert.reason).not.toBe('revert_too_late');
  expect(await reverting(after)).toMatchObject({ status: expect.stringMatching(/approv/) });
});
