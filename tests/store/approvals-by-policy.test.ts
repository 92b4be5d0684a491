// Of an approval the policies in force at the execution decide, as of who executes; on a clone from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { activatePolicies, putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { readDecisions } from '../../store/read-decisions.ts';
import { recordReview } from '../../store/record-review.ts';
import { resolveActor } from '../../store/standing.ts';
import { admin, agent, caller, expectDone, type Fixture, keeper1, keeper2, openFixture, shareDatabase, simulated } from './fixture.ts';
import { carriedOut } from './govern.ts';

shareDatabase();
let fixture: Fixture;
const access = caller('access-admin-1');
const contractor = caller('keeper-3', ['keeper', 'contractor']);
const all = 'permit (principal, action, resource);';
const notContractors = 'forbid (principal in Role::"contractor", action == Action::"review", resource);';

beforeEach(async () => {
  fixture = await openFixture();
  for (const who of [access, agent, keeper1, keeper2, contractor]) await known(who);
});
afterEach(() => fixture.close());

const known = (who: Caller) => fixture.inApi((tx) => resolveActor(tx, who));
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
async function enforce(policies: Record<string, string>): Promise<void> {
  const { proposalId } = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
  if (proposalId !== null) expect(await carriedOut(fixture, proposalId)).toMatchObject({ status: 'executed' });
}
async function approvedBy(who: Caller) {
  const plan = await fixture.planned('askFloor', { name: 'F' });
  expect(await fixture.review(plan, who)).toMatchObject({ settled: { status: 'approved' } });
  return plan;
}

describe('an approval that policies have come to forbid', () => {
  it('counts no more at the execution, which says so, and another takes its place', async () => {
    await enforce({ all });
    const plan = await approvedBy(contractor);
    await enforce({ all, notContractors });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    const { decisions } = expectDone(await fixture.inApi((tx) => readDecisions(tx, plan.proposalId, fixture.deps)));
    const refused = { outcome: 'refused', reason: 'policy_forbids', policies: ['notContractors'] };
    expect(decisions).toContainEqual(expect.objectContaining({ ...refused, action: 'review', actor: contractor.id }));
    expect(decisions).toContainEqual(expect.objectContaining({ ...refused, action: 'execute', actor: agent.id }));
    // Nothing has changed, so it does not go round.
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expect(await fixture.review(plan, contractor)).toMatchObject({ refused: 'already_decided' });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('counts again under the policies of before', async () => {
    await enforce({ all });
    const plan = await approvedBy(contractor);
    await enforce({ all, notContractors });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    const { proposalId } = expectDone(await fixture.inApi((tx) => activatePolicies(tx, 1, admin, fixture.deps)));
    expect(await carriedOut(fixture, proposalId ?? '')).toMatchObject({ status: 'executed' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'approved' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is no matter where enough others approve', async () => {
    const plan = await fixture.planned('askFloorTwice', { name: 'F' });
    await enforce({ all, notContractors });
    await fixture.review(plan, keeper1);
    await fixture.review(plan, caller('officer-1'));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is one of whoever has come to have the role since', async () => {
    await enforce({ all, notContractors });
    const plan = await approvedBy(keeper2);
    const change = { roles: ['keeper', 'contractor'] };
    expectDone(await fixture.inApi((tx) => putPrincipal(tx, { id: keeper2.id, change, by: access }, fixture.deps)));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('is one given on behalf of whom they forbid it, or by them', async () => {
    await enforce({ all });
    for (const [by, to] of [
      [contractor, keeper2],
      [keeper1, contractor],
    ] as const) {
      const wish = { id: `for-${to.id}`, delegate: to.id, endsAt: new Date(Date.now() + 86_400_000).toISOString(), reason: 'away', by };
      const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, wish, fixture.deps)));
      expect(await carriedOut(fixture, proposed?.proposalId ?? '', access)).toMatchObject({ status: 'executed' });
    }
    const plans = [];
    for (const [name, reviewer, onBehalfOf] of [
      ['A', keeper2, contractor.id],
      ['B', contractor, keeper1.id],
    ] as const) {
      const plan = await fixture.planned('askFloor', { name });
      const review = { proposalId: plan.proposalId, decision: 'approve' as const, digest: plan.digest ?? '', reviewer, onBehalfOf };
      expect(await fixture.inApi((tx) => recordReview(tx, review, fixture.deps))).toMatchObject({ settled: { status: 'approved' } });
      plans.push(plan);
    }
    await enforce({ all, notContractors });
    for (const { proposalId } of plans) expect(await execute(proposalId)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('is none that a policy about the time took when it was given', async () => {
    const [row] = await fixture.inApi((tx) =>
      tx.rows<{ until: string }>(
        `SELECT to_char(exequatur.clock() AT TIME ZONE 'UTC' + interval '20 minutes', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS until`,
      ),
    );
    const inTime = `forbid (principal, action == Action::"review", resource) when { context.now > datetime("${row?.until}") };`;
    await enforce({ all, inTime });
    const plan = await approvedBy(keeper1);
    await fixture.database.advanceClock(30 * 60_000);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('of what governs is asked again as well', async () => {
    await enforce({ all });
    const former = caller('access-admin-2');
    await known(former);
    const endsAt = new Date(Date.now() + 86_400_000).toISOString();
    const wish = { id: 'away', delegate: keeper2.id, endsAt, reason: 'away', by: keeper1 };
    const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, wish, fixture.deps)));
    const plan = await simulated(fixture, proposed?.proposalId ?? '');
    expect(await fixture.review(plan, former)).toMatchObject({ settled: { status: 'approved' } });
    await enforce({ all, notThem: 'forbid (principal == Principal::"access-admin-2", action == Action::"administer", resource);' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expect(await fixture.review(plan, access)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });
});
