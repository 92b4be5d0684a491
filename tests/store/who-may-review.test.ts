// Those who are listed as reviewers, and what a proposal's view offers, against the gate itself; on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { createRevert } from '../../store/create-revert.ts';
import { listProposals } from '../../store/list-proposals.ts';
import { listReviewers } from '../../store/list-reviewers.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { recordReview } from '../../store/record-review.ts';
import { isRefusal } from '../../store/refusal.ts';
import type { Settled } from '../../store/settle.ts';
import { resolveActor } from '../../store/standing.ts';
import { Dice } from '../trust/random-numbers.ts';
import { admin, agent, building, caller, expectDone, type Fixture, keeper1, officer, openFixture, simulated } from './fixture.ts';
import { carriedOut } from './govern.ts';

const access = caller('access-admin-1');
const roles = ['keeper', 'officer', 'visitor', 'auditor'];
const teams = ['red', 'blue'];
const forbids = [
  'principal.teams.contains("red")',
  'principal in Role::"visitor"',
  'context.proposer.kind == "agent" && principal in Role::"officer"',
  'context has onBehalfOf && context.onBehalfOf.roles.contains("officer")',
  'context.decision == "approve" && principal.teams.contains("blue") && context.plan.edits.total > 0',
  'context.plan.touches has room.before.seats && context.plan.touches.room.before.seats.most > 4 && principal in Role::"keeper"',
];

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture(building);
});
afterAll(() => fixture?.close());

const amend = (id: string, change: PrincipalChange) => fixture.inApi((tx) => putPrincipal(tx, { id, change, by: access }, fixture.deps));
const setPolicies = async (policies: Record<string, string>) => {
  const { proposalId } = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
  if (proposalId !== null) expect(await carriedOut(fixture, proposalId)).toMatchObject({ status: 'executed' });
};
const permitAll = 'permit (principal, action, resource);';

/** What the gate would say of a review, which is not kept. */
const attempt = ({ proposalId, digest }: Settled, reviewer: Caller, decision: 'approve' | 'reject', onBehalfOf?: string) =>
  fixture.inApi(async (tx) => {
    const review = { proposalId, decision, digest: digest ?? '', reviewer, ...(onBehalfOf === undefined ? {} : { onBehalfOf }) };
    const outcome = await recordReview(tx, review, fixture.deps);
    tx.undo();
    return isRefusal(outcome) ? outcome.refused : null;
  });

interface World {
  people: Caller[];
  plan: Settled;
  delegations: [delegator: string, delegate: string][];
  /** Who reviewed already, with what; somebody who did is asked the same again. */
  reviewed: Map<string, 'approve' | 'reject'>;
}

async function draw(seed: number): Promise<World> {
  const dice = new Dice(seed);
  await setPolicies({
    all: permitAll,
    ...Object.fromEntries(
      forbids
        .filter(() => dice.chance(35))
        .map((condition, at) => [`no${at}`, `forbid (principal, action == Action::"review", resource) when { ${condition} };`]),
    ),
    [`world${seed}`]: `forbid (principal, action == Action::"propose", resource) when { principal.id == "nobody ${seed}" };`,
  });
  const people: Caller[] = [];
  for (let at = 0; at < 7; at++) {
    const id = `w${seed}-${at}`;
    const held = [...new Set(dice.some(roles, dice.roll(3)))];
    expectDone(await amend(id, { kind: 'user', roles: held, teams: dice.some(teams, dice.roll(2)) }));
    people.push(caller(id, held, { tokenIssuedAt: new Date(Date.now() + 60_000).toISOString() }));
  }
  const delegations: [string, string][] = [];
  for (let at = 0; at < 2; at++) {
    const [delegator, delegate] = [dice.pick(people), dice.pick(people)];
    if (delegator.id === delegate.id || delegator.roles.length === 0) continue;
    const wish = {
      id: `w${seed}-d${at}`,
      delegate: delegate.id,
      endsAt: new Date(Date.now() + 86_400_000).toISOString(),
      reason: 'away',
      by: delegator,
    };
    const outcome = await fixture.inApi((tx) => putDelegation(tx, wish, fixture.deps));
    if (isRefusal(outcome) || outcome.proposed === null) continue;
    await carriedOut(fixture, outcome.proposed.proposalId, access);
    delegations.push([delegator.id, delegate.id]);
  }
  const room = `w${seed}`;
  await fixture.done('addFloor', { name: room, rooms: [{ code: room, seats: dice.roll(10) }] });
  const proposer = dice.chance(50) ? agent : dice.pick(people.filter(({ roles: held }) => held.length > 0));
  const wish = await fixture.propose('closeRoom', { room }, { proposer: proposer ?? agent });
  const plan = isRefusal(wish) ? await fixture.planned('closeRoom', { room }) : await simulated(fixture, wish.proposalId);
  const reviewed = new Map<string, 'approve' | 'reject'>();
  for (const person of people.filter(() => dice.chance(30))) {
    if (!isRefusal(await fixture.review(plan, person, 'approve'))) reviewed.set(person.id, 'approve');
  }
  for (const { id } of people.filter(() => dice.chance(15))) await amend(id, { disabled: true });
  for (const { id } of people.filter(() => dice.chance(10))) await amend(id, { actsFor: agent.id });
  return { people, plan, delegations, reviewed };
}

describe('in a random world', () => {
  it.each(Array.from({ length: 8 }, (_, seed) => seed + 1))(
    '(%i) everyone listed may review, and everyone else is refused for the reason told',
    async (seed) => {
      const { people, plan, delegations, reviewed } = await draw(seed);
      const { reviewers, truncated } = expectDone(await fixture.inApi((tx) => listReviewers(tx, plan.proposalId, fixture.deps)));
      expect(truncated).toBe(false);
      const isListed = (id: string, onBehalfOf: string | null) => reviewers.some((one) => one.id === id && one.onBehalfOf === onBehalfOf);
      for (const person of people) {
        const refused = await attempt(plan, person, reviewed.get(person.id) ?? 'approve');
        expect([person.id, isListed(person.id, null)]).toEqual([person.id, refused === null]);
        const { review } = (await fixture.read(plan.proposalId, person)).actions;
        expect([person.id, review.reason ?? null]).toEqual([person.id, refused]);
      }
      for (const [delegator, delegate] of delegations) {
        const who = people.find(({ id }) => id === delegate) ?? agent;
        const refused = await attempt(plan, who, 'approve', delegator);
        expect([delegate, delegator, isListed(delegate, delegator)]).toEqual([delegate, delegator, refused === null]);
      }
    },
  );
});

describe('what a proposal’s view offers', () => {
  it('is what the policies in force allow, also of reverts', async () => {
    await setPolicies({
      all: permitAll,
      noReverts: 'forbid (principal, action == Action::"propose", resource == ActionType::"addFloor") when { context.revert };',
    });
    const done = await fixture.done('addFloor', { name: 'offers', rooms: [] });
    expect((await fixture.read(done.proposalId)).actions.revert).toMatchObject({ allowed: false, reason: 'policy_forbids' });
    const wish = { proposalId: done.proposalId, justification: 'Back.', proposer: keeper1 };
    expect(await fixture.inApi((tx) => createRevert(tx, wish, fixture.deps))).toMatchObject({ refused: 'policy_forbids' });
    await setPolicies({ all: permitAll });
    expect((await fixture.read(done.proposalId)).actions.revert).toEqual({ allowed: true });
  });

  it('is in a list what the gate says, of which policies are not asked', async () => {
    const plan = await fixture.planned('askFloor', { name: 'listed' });
    await setPolicies({ all: permitAll, noReviews: 'forbid (principal, action == Action::"review", resource);' });
    const listed = expectDone(
      await fixture.inApi(async (tx) => listProposals(tx, { pageSize: 1_000 }, await resolveActor(tx, keeper1), fixture.deps)),
    ).proposals.find(({ id }) => id === plan.proposalId);
    expect(listed?.actions.review).toEqual({ allowed: true });
    expect(listed?.actions.revert).toMatchObject({ allowed: false, reason: 'not_revertible' });
    expect((await fixture.read(plan.proposalId, keeper1)).actions.review).toMatchObject({ allowed: false, reason: 'policy_forbids' });
    await setPolicies({ all: permitAll });
  });

  it('is nothing of reviews once its time is over, before anybody has settled it', async () => {
    const plan = await fixture.planned('askFloor', { name: 'over' });
    await fixture.database.advanceClock(61 * 60_000);
    expect((await fixture.read(plan.proposalId)).actions.review).toMatchObject({ reason: 'not_awaiting_approval' });
    expect(await fixture.inApi((tx) => listReviewers(tx, plan.proposalId, fixture.deps))).toEqual({ reviewers: [], truncated: false });
    expect(await attempt(plan, officer, 'approve')).toBe('not_awaiting_approval');
  });
});
