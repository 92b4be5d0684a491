// Who may review on whose behalf, and what counts of it, on a clone from tests/support/database.ts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { listDelegations, readDelegation } from '../../store/delegations.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listReviewers } from '../../store/list-reviewers.ts';
import { type NewDelegation, putDelegation } from '../../store/put-delegation.ts';
import { activatePolicies, type PoliciesOutcome, putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { readDecisions } from '../../store/read-decisions.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { recordReview } from '../../store/record-review.ts';
import { isRefusal, refuse } from '../../store/refusal.ts';
import { revokeDelegation } from '../../store/revoke-delegation.ts';
import { resolveActor } from '../../store/standing.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { admin, agent, caller, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, simulated } from './fixture.ts';
import { carriedOut } from './govern.ts';

let fixture: Fixture;
let made = 0;
const access = caller('access-admin-1');
const stand = caller('stand-in', ['visitor']);
const farAway = () => new Date(Date.now() + 30 * 86_400_000).toISOString();

/** With the approval of an administrator of access. */
const delegate = async (by: Caller, more: Partial<NewDelegation> & { delegate: string }, id = `d${++made}`) => {
  const outcome = await fixture.inApi((tx) => putDelegation(tx, { id, endsAt: farAway(), reason: 'away', ...more, by }, fixture.deps));
  if (isRefusal(outcome) || outcome.proposed === null) return isRefusal(outcome) ? outcome : (outcome.view ?? refuse('not_found'));
  const settled = await carriedOut(fixture, outcome.proposed.proposalId, access);
  if (settled?.status !== 'executed') throw new Error(`expected executed, found ${JSON.stringify(settled)}`);
  return (await fixture.inApi((tx) => readDelegation(tx, id))) ?? refuse('not_found');
};
const enacted = async (outcome: PoliciesOutcome) => {
  if (outcome.proposalId !== null) expect(await carriedOut(fixture, outcome.proposalId)).toMatchObject({ status: 'executed' });
  return outcome;
};
const granted = async (by: Caller, more: Partial<NewDelegation> & { delegate: string }) => expectDone(await delegate(by, more)).id;
const revoke = (id: string, by: Caller) => fixture.inApi((tx) => revokeDelegation(tx, { id, by }, fixture.deps));
const put = async (id: string, change: PrincipalChange) =>
  expectDone(await fixture.inApi((tx) => putPrincipal(tx, { id, change, by: access }, fixture.deps)));
const waiting = (action = 'askFloor', proposer: Caller = agent) => fixture.planned(action, { name: `F${++made}` }, proposer);
const review = (
  { proposalId, digest }: { proposalId: string; digest: string | null },
  reviewer: Caller,
  onBehalfOf?: string,
  decision: 'approve' | 'reject' = 'approve',
) =>
  fixture.inApi((tx) =>
    recordReview(tx, { proposalId, decision, digest: digest ?? '', reviewer, ...(onBehalfOf ? { onBehalfOf } : {}) }, fixture.deps),
  );
const reviewersOf = async ({ proposalId }: { proposalId: string }) =>
  expectDone(await fixture.inApi((tx) => listReviewers(tx, proposalId, fixture.deps))).reviewers;
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
async function executedOf(proposals: readonly { proposalId: string }[]): Promise<number> {
  const rows = await fixture.inApi((tx) =>
    tx.rows("SELECT 1 FROM exequatur.proposal p WHERE p.id = ANY ($1::uuid[]) AND p.status = 'executed'", [
      proposals.map(({ proposalId }) => proposalId),
    ]),
  );
  return rows.length;
}
const givenTo = async ({ proposalId }: { proposalId: string }) =>
  (await fixture.read(proposalId)).approval?.stages.reduce((sum, { thresholds }) => sum + (thresholds[0]?.given ?? 0), 0);
async function known(...callers: Caller[]): Promise<void> {
  for (const one of callers) await fixture.inApi((tx) => resolveActor(tx, one));
}

beforeAll(async () => {
  fixture = await openFixture();
  await known(access, keeper1, keeper2, officer, stand, agent);
});
afterAll(async () => {
  // What all this left in the log is judged again by whoever has nothing else.
  expect(await verifyLog(fixture.database, fixture.tenant)).toMatch(/^whole .*"unjudged":0/);
  await fixture.close();
});

describe('a review on behalf of another', () => {
  it('is the delegator’s, names both in the proposal, its timeline and its decisions, and is executed', async () => {
    const id = await granted(keeper1, { delegate: stand.id });
    const proposal = await waiting();
    expect(await reviewersOf(proposal)).toContainEqual(expect.objectContaining({ id: stand.id, onBehalfOf: keeper1.id }));
    expect(await review(proposal, stand)).toMatchObject({ refused: 'not_eligible' });
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({
      review: { reviewer: { id: stand.id }, onBehalfOf: keeper1.id },
      settled: { status: 'approved' },
    });
    expect((await fixture.read(proposal.proposalId)).reviews).toMatchObject([{ reviewer: { id: stand.id }, onBehalfOf: keeper1.id }]);
    const timeline = await fixture.inApi((tx) => readTimeline(tx, proposal.proposalId));
    const [entry] = Array.isArray(timeline) ? timeline.filter(({ type }) => type === 'review.recorded') : [];
    expect(entry?.personal).toMatchObject({ reviewer: stand.id, onBehalfOf: keeper1.id, delegationId: id });
    const { decisions } = expectDone(await fixture.inApi((tx) => readDecisions(tx, proposal.proposalId, fixture.deps)));
    expect(decisions.map(({ explanation }) => explanation)).toContainEqual(
      expect.stringContaining('stand-in, on behalf of keeper-1, may review'),
    );
    expect(await execute(proposal.proposalId)).toMatchObject({ status: 'executed' });
    expectDone(await revoke(id, keeper1));
    expect((await fixture.read(proposal.proposalId)).reviews).toMatchObject([{ counts: true }]);
  });

  it('goes one hop: what somebody holds by delegation they do not hand on', async () => {
    const ids = [await granted(keeper1, { delegate: stand.id }), await granted(stand, { delegate: officer.id })];
    const proposal = await waiting();
    expect(await review(proposal, officer, keeper1.id)).toMatchObject({ refused: 'not_delegated' });
    expect(await review(proposal, officer, stand.id)).toMatchObject({ refused: 'not_eligible' });
    expect((await reviewersOf(proposal)).map((who) => [who.id, who.onBehalfOf])).toContainEqual([stand.id, keeper1.id]);
    expect((await reviewersOf(proposal)).map((who) => who.id)).not.toContain(officer.id);
    for (const id of ids) expectDone(await revoke(id, access));
  });

  it.each([
    ['another action type', { actionTypes: ['askFloorTwice'] }, 'not_delegated'],
    ['another role', { roles: ['officer'] }, 'not_delegated'],
    ['a time to come', { startsAt: new Date(Date.now() + 86_400_000).toISOString() }, 'not_delegated'],
  ])('is none where it is for %s', async (_name, scope, refused) => {
    const id = await granted(keeper1, { delegate: stand.id, ...scope });
    expect(await review(await waiting(), stand, keeper1.id)).toMatchObject({ refused });
    expectDone(await revoke(id, stand));
  });

  it('is none of a proposal of either, or of a linked identity or an agent of theirs', async () => {
    const mia = caller('mia', ['keeper']);
    await known(mia, caller('mia-at-home', ['visitor']));
    await put('mia', { linkedIdentities: ['mia-at-home'] });
    const inHerName = { id: 'in-her-name', delegator: mia.id, delegate: stand.id, endsAt: farAway(), reason: 'away' };
    const home = caller('mia-at-home', ['visitor']);
    expect(await fixture.inApi((tx) => putDelegation(tx, { ...inHerName, by: home }, fixture.deps))).toEqual({ refused: 'forbidden' });
    const id = await granted(mia, { delegate: stand.id });
    const robot = caller('stand-ins-agent', ['agent'], { kind: 'agent', actsFor: stand.id });
    for (const proposer of [mia, stand, robot, caller('mia-at-home', ['visitor'])])
      expect(await review(await waiting('askFloor', proposer), stand, mia.id), proposer.id).toMatchObject({ refused: 'self_review' });
    expectDone(await revoke(id, stand));
  });

  it('is approved by nobody who gains by it, as the database holds too', async () => {
    const [own, home, other] = [caller('access-admin-7'), caller('access-admin-7-home', ['access-admin']), caller('access-admin-8')];
    await known(own, home, other);
    await put(own.id, { linkedIdentities: [home.id] });
    const propose = async (to: Caller) => {
      const wish = { id: `d${++made}`, delegate: to.id, endsAt: farAway(), reason: 'away', by: keeper1 };
      const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, wish, fixture.deps)));
      return simulated(fixture, proposed?.proposalId ?? '');
    };
    const plan = await propose(own);
    for (const who of [own, home]) expect(await fixture.review(plan, who)).toEqual({ refused: 'self_review' });
    expect((await reviewersOf(plan)).map(({ id }) => id)).not.toContain(own.id);
    const since = await propose(other);
    expect(await fixture.review(since, access)).toMatchObject({ settled: { status: 'approved' } });
    expectDone(
      await fixture.inApi((tx) => putPrincipal(tx, { id: other.id, change: { linkedIdentities: [access.id] }, by: own }, fixture.deps)),
    );
    await expect(executePastTheGate(fixture, since.proposalId, undefined, ['delegation.changed'])).rejects.toMatchObject({ code: 'XQ002' });
    expect(await execute(since.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expectDone(await fixture.inApi((tx) => putPrincipal(tx, { id: other.id, change: { linkedIdentities: [] }, by: own }, fixture.deps)));
  });

  it('never makes two approvals of a person and their delegate', async () => {
    const id = await granted(keeper1, { delegate: officer.id });
    const proposal = await waiting('askFloorTwice');
    expect(await review(proposal, officer, keeper1.id)).toMatchObject({ settled: { status: 'awaiting_approval' } });
    expect(await review(proposal, officer)).toMatchObject({ refused: 'already_decided' });
    expect(await review(proposal, keeper1)).toMatchObject({ refused: 'already_decided' });
    expect(await review(proposal, caller('officer-2'))).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(proposal.proposalId)).toMatchObject({ status: 'executed' });
    expectDone(await revoke(id, keeper1));
  });
});

describe('policies', () => {
  const put = async (condition: string, dryRun = false) => {
    const it = `@explain("Stand-ins.") forbid (principal, action == Action::"review", resource) when { ${condition} };`;
    const upload = { policies: { all: 'permit (principal, action, resource);', it }, cases: [] };
    return enacted(expectDone(await fixture.inApi((tx) => putPolicies(tx, upload, admin, fixture.deps, { dryRun }))));
  };
  afterEach(async () => void (await enacted(expectDone(await fixture.inApi((tx) => activatePolicies(tx, 0, admin, fixture.deps))))));

  it('see on whose behalf a review is given, with the roles that are delegated, and are rehearsed with it', async () => {
    const id = await granted(keeper1, { delegate: stand.id });
    const earlier = await waiting();
    expect(await review(earlier, stand, keeper1.id)).toMatchObject({ settled: { status: 'approved' } });
    const condition = 'context has onBehalfOf && context.onBehalfOf.roles.contains("keeper")';
    expect((await put(condition, true)).rehearsal?.differences).toContainEqual(
      expect.objectContaining({ proposalId: earlier.proposalId, action: 'review', principal: stand.id, to: 'deny' }),
    );
    await put(condition);
    const proposal = await waiting();
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({ refused: 'policy_forbids' });
    expect(await review(proposal, keeper2)).toMatchObject({ settled: { status: 'approved' } });
    expectDone(await revoke(id, keeper1));
  });

  it('may forbid to delegate, and never to end it', async () => {
    const id = await granted(keeper1, { delegate: stand.id });
    const it = 'forbid (principal, action == Action::"administer", resource == Settings::"delegations");';
    const upload = { policies: { all: 'permit (principal, action, resource);', it }, cases: [] };
    await enacted(expectDone(await fixture.inApi((tx) => putPolicies(tx, upload, admin, fixture.deps))));
    expect(await delegate(keeper1, { delegate: officer.id })).toMatchObject({ refused: 'policy_forbids' });
    expect(await revoke(id, keeper1)).toMatchObject({ state: 'revoked' });
  });

  it('must let both review: nobody hands over what they could not do themselves', async () => {
    const id = await granted(keeper1, { delegate: stand.id });
    const proposal = await waiting();
    await put('principal.id == "keeper-1"');
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({ refused: 'policy_forbids' });
    await put('principal.id == "stand-in"');
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({ refused: 'policy_forbids' });
    await put('principal.id == "keeper-2"');
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({ settled: { status: 'approved' } });
    expectDone(await revoke(id, keeper1));
  });
});

describe('before the execution it is asked again:', () => {
  const lapses: [name: string, lapse: (id: string) => Promise<unknown>, restore?: () => Promise<unknown>][] = [
    ['the delegation revoked', (id) => revoke(id, keeper1)],
    ['the delegate disabled', () => put(stand.id, { disabled: true }), () => put(stand.id, { disabled: false })],
    ['the delegator disabled', () => put(keeper1.id, { disabled: true }), () => put(keeper1.id, { disabled: false })],
    ['the delegator without the role', () => put(keeper1.id, { roles: [] }), () => put(keeper1.id, { roles: ['keeper'] })],
    ['the delegate turned out to be an agent', () => put(stand.id, { kind: 'agent' }), () => put(stand.id, { kind: 'user' })],
    ['the delegate acting for the proposer', () => put(stand.id, { actsFor: agent.id }), () => put(stand.id, { actsFor: null })],
  ];
  it.each(lapses)('%s', async (_name, lapse, restore) => {
    const id = await granted(keeper1, { delegate: stand.id });
    const proposal = await waiting();
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({ settled: { status: 'approved' } });
    await lapse(id);
    expect(await givenTo(proposal)).toBe(0); // The gate sees it by itself; of the door see tests/database/delegated-approvals.test.ts.
    expect(await execute(proposal.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    await restore?.();
    await revoke(id, access);
    expect(await review(proposal, keeper2)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(proposal.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('a revocation, which is refused by the database itself where the gate was asked before it', async () => {
    const id = await granted(keeper1, { delegate: stand.id });
    const proposal = await waiting();
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({ settled: { status: 'approved' } });
    const trick = executePastTheGate(fixture, proposal.proposalId, () => revoke(id, keeper1));
    await expect(trick).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('a revocation, after whose answer nothing commits by it, however many executions were under way', async () => {
    const id = await granted(keeper1, { delegate: stand.id });
    const proposals = await Promise.all(Array.from({ length: 6 }, () => waiting()));
    for (const proposal of proposals) await review(proposal, stand, keeper1.id);
    const running = proposals.map(({ proposalId }) => execute(proposalId));
    expectDone(await revoke(id, keeper1));
    const atTheAnswer = await executedOf(proposals);
    const outcomes = await Promise.all(running);
    expect(await executedOf(proposals)).toBe(atTheAnswer);
    expect(outcomes.filter((outcome) => outcome?.status === 'executed')).toHaveLength(atTheAnswer);
    expect(outcomes.filter((outcome) => outcome?.status === 'awaiting_approval')).toHaveLength(proposals.length - atTheAnswer);
  });

  it('the delegation run out', async () => {
    await granted(keeper1, { delegate: stand.id, endsAt: new Date(Date.now() + 600_000).toISOString() });
    const proposal = await waiting();
    expect(await review(proposal, stand, keeper1.id)).toMatchObject({ settled: { status: 'approved' } });
    await fixture.database.advanceClock(601_000);
    expect(await givenTo(proposal)).toBe(0);
    expect(await execute(proposal.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  });
});

describe('to delegate', () => {
  it('takes the delegator alone, changes nothing when repeated, and is never changed', async () => {
    const wish = { delegate: stand.id, endsAt: farAway(), roles: ['keeper', 'keeper'] };
    const first = expectDone(await delegate(keeper1, wish, 'own'));
    expect(first).toMatchObject({ state: 'holds', delegator: keeper1.id, roles: ['keeper'], actionTypes: null, grantedBy: keeper1.id });
    expect(await delegate(keeper1, wish, 'own')).toEqual(first);
    expect(await delegate(keeper1, { ...wish, delegate: keeper2.id }, 'own')).toMatchObject({ refused: 'delegation_exists' });
    expect((await fixture.inApi((tx) => listDelegations(tx))).delegations.map(({ id }) => id)).toContain('own');
    expect(await revoke('own', caller('visitor', ['visitor']))).toMatchObject({ refused: 'forbidden' });
    expect(await revoke('own', stand)).toMatchObject({ state: 'revoked', revokedBy: stand.id });
    expect(await revoke('own', access)).toMatchObject({ state: 'revoked', revokedBy: stand.id });
    expect((await fixture.inApi((tx) => listDelegations(tx))).delegations.map(({ id }) => id)).not.toContain('own');
    expect(await delegate(keeper1, wish, 'own')).toMatchObject({ refused: 'delegation_exists' });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['of somebody else', () => delegate(keeper2, { delegator: keeper1.id, delegate: stand.id }), 'forbidden'],
    ['of somebody else by an administrator', () => delegate(access, { delegator: keeper1.id, delegate: stand.id }), 'forbidden'],
    ['by an agent', () => delegate(agent, { delegate: stand.id }), 'forbidden'],
    ['to an agent', () => delegate(keeper1, { delegate: agent.id }), 'invalid_delegation'],
    ['to oneself', () => delegate(keeper1, { delegate: keeper1.id }), 'invalid_delegation'],
    ['to somebody unknown', () => delegate(keeper1, { delegate: 'who' }), 'invalid_delegation'],
    [
      'for half a year',
      () => delegate(keeper1, { delegate: stand.id, endsAt: new Date(Date.now() + 180 * 86_400_000).toISOString() }),
      'invalid_delegation',
    ],
    ['until yesterday', () => delegate(keeper1, { delegate: stand.id, endsAt: '2026-01-01T00:00:00.000Z' }), 'invalid_delegation'],
    ['for an action that is not there', () => delegate(keeper1, { delegate: stand.id, actionTypes: ['fly'] }), 'invalid_delegation'],
  ])('is refused %s', async (_name, attempt, refused) => {
    expect(await attempt()).toMatchObject({ refused });
  });
});
