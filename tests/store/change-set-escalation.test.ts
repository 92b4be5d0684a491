// Change sets whose policies escalate at different times; on a clone from tests/support/database.ts, whose clock is moved.
import { afterEach, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { building, caller, expectDone, type Fixture, keeper1, keeper2, openFixture } from './fixture.ts';

const minute = 60_000;
const clerk = caller('clerk-1');

let fixture: Fixture;
afterEach(() => fixture.close());

const settle = (proposalId: string) => settleProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);

it('a stage of a change set is widened no earlier than its own policy says, whatever the policies beside it say', async () => {
  const document = structuredClone(building);
  Object.assign(document.approvalPolicies['one-keeper'], { escalate: { after: 'PT1M', to: ['keeper'] } });
  Object.assign(document.approvalPolicies['two-stage'], {
    escalate: { after: 'PT50M', reviewers: { safety: "'clerk' in reviewer.roles" } },
  });
  fixture = await openFixture(document as unknown as JsonValue);
  const rooms = ['R1', 'R2'].map((code) => ({ code, seats: 9 }));
  await fixture.done('addFloor', { name: 'G', rooms });
  const actions = [
    { actionType: 'askFloor', parameters: { name: 'Z' } },
    { actionType: 'closeRoom', parameters: { room: 'R1' } },
  ];
  const alone = await fixture.planned('closeRoom', { room: 'R2' });
  const together = await fixture.planned('askFloor+closeRoom', { actions });
  expectDone(await fixture.review(alone, keeper1));
  for (const keeper of [keeper1, keeper2]) expectDone(await fixture.review(together, keeper));
  await fixture.database.advanceClock(2 * minute);
  for (const { proposalId } of [alone, together]) {
    await settle(proposalId);
    expect(await fixture.review(proposalId === alone.proposalId ? alone : together, clerk)).toMatchObject({ refused: 'not_eligible' });
  }
  expect(await execute(together.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  await fixture.database.advanceClock(49 * minute);
  for (const plan of [alone, together]) {
    await settle(plan.proposalId);
    expectDone(await fixture.review(plan, clerk));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  }
});
