// What policies may not keep people from, on a clone from tests/support/database.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { changePrincipal } from '../../store/change-principal.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { recordReview } from '../../store/record-review.ts';
import { resolveActor } from '../../store/standing.ts';
import { admin, caller, expectDone, type Fixture, keeper1, keeper2, openFixture, shareDatabase } from './fixture.ts';
import { admin2, carriedOut } from './govern.ts';

const all = 'permit (principal, action, resource);';
const access = caller('access-admin-1');
let fixture: Fixture;

shareDatabase();
beforeAll(async () => {
  fixture = await openFixture();
  for (const one of [access, admin2, caller('dora', ['keeper'])]) await fixture.inApi((tx) => resolveActor(tx, one));
});

const put = (more: Record<string, string>) =>
  fixture.inApi((tx) => putPolicies(tx, { policies: { all, ...more }, cases: [] }, admin, fixture.deps)).then(expectDone);
const inForce = async (more: Record<string, string>) => {
  const { proposalId } = await put(more);
  if (proposalId !== null) await carriedOut(fixture, proposalId);
};
const change = (id: string, wish: PrincipalChange) =>
  fixture.inApi((tx) => changePrincipal(tx, { id, change: wish, by: access }, fixture.deps));

describe('whatever policies forbid,', () => {
  it.each([
    ['one review', 'forbid (principal, action == Action::"review", resource);'],
    ['all but approvals', 'forbid (principal, action == Action::"review", resource) when { context.decision != "approve" };'],
    [
      'one that cannot be computed',
      'forbid (principal, action == Action::"review", resource) when { context.plan.edits.total * 9223372036854775807 * 2 > 0 };',
    ],
  ])('whoever is asked may say no: %s', async (_, no) => {
    await inForce({ no });
    const plan = await fixture.planned('askFloor', { name: 'F1' });
    expect(await fixture.review(plan, keeper1, 'reject')).toMatchObject({ settled: { status: 'rejected' } });
    const other = await fixture.planned('askFloor', { name: 'F2' });
    const { proposalId, digest } = other;
    const wish = { proposalId, digest: digest ?? '', reviewer: keeper2, decision: 'request_changes' as const, reason: 'Another name.' };
    expect(await fixture.inApi((tx) => recordReview(tx, wish, fixture.deps))).toMatchObject({ settled: { status: 'changes_requested' } });
  });

  it('of those who may not approve as well, and nobody who is not asked', async () => {
    await inForce({ no: 'forbid (principal, action == Action::"review", resource);' });
    const plan = await fixture.planned('askFloor', { name: 'F3' });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'policy_forbids' });
    expect(await fixture.review(plan, caller('visitor-1', ['visitor']), 'reject')).toMatchObject({ refused: 'not_eligible' });
  });

  it('somebody’s standing may be taken away, and more is not given', async () => {
    await inForce({ no: 'forbid (principal, action == Action::"administer", resource == Settings::"principals");' });
    expect(await change('dora', { roles: ['keeper', 'officer'] })).toMatchObject({ refused: 'policy_forbids' });
    expect(await change('dora', { disabled: true })).toMatchObject({ view: { disabled: true }, proposed: null, loosens: [] });
    expect(await change('dora', { disabled: false })).toMatchObject({ refused: 'policy_forbids' });
  });
});

describe('one administrator by themselves', () => {
  it.each(['ontology', 'subscriptions'])('does not keep everybody else from changing %s, by which one tightens', async (setting) => {
    await inForce({});
    const { loosens } = await put({
      mine: `forbid (principal, action == Action::"administer", resource == Settings::"${setting}") unless { principal.id == "${admin.id}" };`,
    });
    expect(loosens).toEqual([{ pointer: '/policies', message: `fewer than two people could still change ${setting}` }]);
  });

  it('takes no permit away whose error denied what others permit', async () => {
    const broken = (condition: string) =>
      `permit (principal, action == Action::"execute", resource == ActionType::"askFloor") when { ${condition} };`;
    await inForce({ broken: broken('context.plan.edits.total * 9223372036854775807 * 2 > 0'), sound: broken('context.approvals > 0') });
    expect((await put({})).loosens.map(({ pointer }) => pointer)).toEqual(['/policies/broken']);
  });
});
