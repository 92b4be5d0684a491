// A delegation for some of the delegator's roles lets nobody do what the delegator may not; on a clone from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listReviewers } from '../../store/list-reviewers.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { recordReview } from '../../store/record-review.ts';
import { resolveActor } from '../../store/standing.ts';
import { admin, agent, building, caller, expectDone, type Fixture, keeper1, openFixture, shareDatabase } from './fixture.ts';
import { carriedOut } from './govern.ts';

shareDatabase();
let fixture: Fixture;
const access = caller('access-admin-1');
const stand = caller('stand-in', ['visitor']);
const suspended = caller('keeper-1', ['keeper', 'suspended']);
const document = structuredClone(building);
for (const [threshold] of document.approvalPolicies['one-keeper'].stages.map(({ thresholds }) => thresholds))
  Object.assign(threshold as object, { reviewers: "'keeper' in reviewer.roles && !('suspended' in reviewer.roles)" });

beforeEach(async () => {
  fixture = await openFixture(document);
  for (const who of [access, stand, agent]) await known(who);
});
afterEach(() => fixture.close());

const known = (who: Caller) => fixture.inApi((tx) => resolveActor(tx, who));
async function delegate(roles?: string[]): Promise<void> {
  const endsAt = new Date(Date.now() + 86_400_000).toISOString();
  const wish = { id: 'away', delegate: stand.id, endsAt, reason: 'away', by: keeper1, ...(roles ? { roles } : {}) };
  const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, wish, fixture.deps)));
  expect(await carriedOut(fixture, proposed?.proposalId ?? '', access)).toMatchObject({ status: 'executed' });
}
const review = ({ proposalId, digest }: { proposalId: string; digest: string | null }) =>
  fixture.inApi((tx) =>
    recordReview(tx, { proposalId, decision: 'approve', digest: digest ?? '', reviewer: stand, onBehalfOf: keeper1.id }, fixture.deps),
  );
const standIns = async ({ proposalId }: { proposalId: string }) => {
  const { reviewers } = expectDone(await fixture.inApi((tx) => listReviewers(tx, proposalId, fixture.deps)));
  return reviewers.filter(({ onBehalfOf }) => onBehalfOf !== null);
};

describe.each([
  ['all roles', undefined],
  ['one role', ['keeper']],
] as const)('a delegation for %s', (_name, roles) => {
  it('lets nobody approve for a delegator whom another role bars', async () => {
    await known(suspended);
    await delegate(roles && [...roles]);
    const plan = await fixture.planned('askFloor', { name: 'F' });
    expect(await review(plan)).toMatchObject({ refused: 'not_eligible' });
    expect(await standIns(plan)).toEqual([]);
  });

  it('counts no more once another role bars the delegator', async () => {
    await known(keeper1);
    await delegate(roles && [...roles]);
    const plan = await fixture.planned('askFloor', { name: 'F' });
    expect(await review(plan)).toMatchObject({ settled: { status: 'approved' } });
    const change = { roles: ['keeper', 'suspended'] };
    expectDone(await fixture.inApi((tx) => putPrincipal(tx, { id: keeper1.id, change, by: access }, fixture.deps)));
    expect(await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
    });
  });

  it('gets around no policy that forbids it to another role of the delegator', async () => {
    await known(caller('keeper-1', ['keeper', 'contractor']));
    await delegate(roles && [...roles]);
    const policies = {
      all: 'permit (principal, action, resource);',
      own: 'forbid (principal in Role::"contractor", action == Action::"review", resource);',
    };
    const { proposalId } = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
    expect(await carriedOut(fixture, proposalId ?? '')).toMatchObject({ status: 'executed' });
    const plan = await fixture.planned('askFloor', { name: 'F' });
    expect(await review(plan)).toMatchObject({ refused: 'policy_forbids' });
    expect(await standIns(plan)).toEqual([]);
  });
});
