// Approvals that last no longer than the policy says; on a clone from tests/support/database.ts, whose clock is moved.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { building, caller, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, shareDatabase } from './fixture.ts';

const minute = 60_000;
shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  const document = structuredClone(building);
  Object.assign(document.approvalPolicies['two-stage'], { approvalsLast: 'PT10M' });
  fixture = await openFixture(document as unknown as JsonValue);
});
afterEach(() => fixture.close());

const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const planned = (name: string) => fixture.planned('askFloorTwice', { name });

it('an approval that has lapsed counts no longer, and may be given again', async () => {
  const plan = await planned('A');
  expectDone(await fixture.review(plan, keeper1));
  expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'already_decided' });
  await fixture.database.advanceClock(10 * minute);
  const view = await fixture.read(plan.proposalId);
  expect(view.approval).toMatchObject({ stages: [{ status: 'open', thresholds: [{ given: 0 }] }, {}] });
  expect(view.reviews).toMatchObject([{ counts: false }]);
  expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'not_eligible' });
  expectDone(await fixture.review(plan, keeper1));
  expectDone(await fixture.review(plan, officer));
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
});

it('what is held beyond the life of its approvals goes back to those who gave them', async () => {
  const plan = await planned('B');
  for (const reviewer of [keeper1, officer]) expectDone(await fixture.review(plan, reviewer));
  const [row] = await fixture.inApi((tx) =>
    tx.rows<{ until: string }>("SELECT (exequatur.clock() + interval '15 minutes')::text AS until"),
  );
  const once = { from: '2020-01-01T00:00:00Z', until: new Date(row?.until ?? '').toISOString() };
  const operator = caller('operator-1');
  expectDone(await fixture.inApi((tx) => setFreezeWindow(tx, { name: 'now', reason: 'x', once, by: operator }, fixture.deps)));
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'scheduled' });
  await fixture.database.advanceClock(16 * minute);
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  for (const reviewer of [keeper2, officer]) expectDone(await fixture.review(plan, reviewer));
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
});

it('a refusal does not lapse', async () => {
  const document = structuredClone(building);
  Object.assign(document.approvalPolicies['two-stage'], {
    approvalsLast: 'PT10M',
    stages: [{ name: 'keepers', thresholds: [{ needed: 2, toleratedDenials: 1, reviewers: "'keeper' in reviewer.roles" }] }],
  });
  await fixture.close();
  fixture = await openFixture(document as unknown as JsonValue);
  const plan = await planned('C');
  expectDone(await fixture.review(plan, keeper1, 'reject'));
  await fixture.database.advanceClock(11 * minute);
  expectDone(await fixture.review(plan, keeper2, 'reject'));
  expect((await fixture.read(plan.proposalId)).status).toBe('rejected');
});

it('the database refuses lapsed approvals by itself', async () => {
  const plan = await planned('D');
  for (const reviewer of [keeper1, officer]) expectDone(await fixture.review(plan, reviewer));
  await fixture.database.advanceClock(11 * minute);
  const direct = executePastTheGate(fixture, plan.proposalId);
  await expect(direct).rejects.toMatchObject({ code: 'XQ002' });
});
