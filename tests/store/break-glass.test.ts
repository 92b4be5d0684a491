// Emergencies: fewer approvals, by whom the policy names, and a review afterwards; on a clone from tests/support/database.ts, whose clock is moved.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { breakGlass } from '../../store/break-glass.ts';
import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { openPool } from '../../store/connect.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listProposals } from '../../store/list-proposals.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { readDecisions } from '../../store/read-decisions.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { recordReview } from '../../store/record-review.ts';
import { owedReviews } from '../../store/relay-work.ts';
import { reviewEmergency } from '../../store/review-emergency.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { withTenant } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import {
  admin,
  agent,
  building,
  caller,
  expectDone,
  type Fixture,
  keeper1,
  officer,
  openFixture,
  shareDatabase,
  simulated,
} from './fixture.ts';
import { carriedOut, uploaded } from './govern.ts';

const minute = 60_000;
const onCall = caller('on-call-1');
const chief = caller('chief-1');
const operator = caller('operator-1');
const accessAdmin = caller('access-admin-1');
const breakGlassRule = { roles: ['on-call'], approvals: 0, reviewWithin: 'PT30M', reviewers: "'chief' in reviewer.roles" };

function withEmergencies(more: object = {}): JsonValue {
  const document = structuredClone(building);
  Object.assign(document.approvalPolicies['two-stage'], { breakGlass: { ...breakGlassRule, ...more } });
  return document as unknown as JsonValue;
}

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture(withEmergencies());
  await fixture.inApi(async (tx) => {
    for (const person of [onCall, chief, operator]) await resolveActor(tx, person);
  });
});
const isWhole = /^whole .*"unjudged":0/;
afterEach(async () => {
  // What all this left in the log is judged again by whoever has nothing else.
  expect(await verifyLog(fixture.database, fixture.tenant)).toMatch(isWhole);
  await fixture.close();
});

type Plan = { proposalId: string; digest: string | null };
const planned = (name: string, proposer?: Caller) => fixture.planned('askFloorTwice', { name }, proposer);
const execute = (plan: Plan) => executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps);
const settle = (plan: Plan) => settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps);
const smash = (plan: Plan, by: Caller = onCall) =>
  fixture.inApi((tx) =>
    breakGlass(tx, { proposalId: plan.proposalId, digest: plan.digest ?? '', reason: 'the roof burns', by }, fixture.deps),
  );
const reviewed = (plan: Plan, by: Caller = chief) =>
  fixture.inApi((tx) => reviewEmergency(tx, { proposalId: plan.proposalId, verdict: 'justified', comment: 'it did', by }, fixture.deps));
const upload = async (more: object) => expectDone(await uploaded(fixture, withEmergencies(more)));
const events = async (plan: Plan) => {
  const rows = await fixture.inApi((tx) =>
    tx.rows<{ type: string }>('SELECT o.type FROM exequatur.outbox o WHERE o.proposal_id = $1::uuid ORDER BY o.created_at', [
      plan.proposalId,
    ]),
  );
  return rows.map(({ type }) => type);
};
const setPrincipal = async (id: string, change: PrincipalChange) =>
  expectDone(await fixture.inApi((tx) => putPrincipal(tx, { id, change, by: accessAdmin }, fixture.deps)));

/** As somebody who stole the API's login. */
const forge = (plan: Plan, by: string, { digest = plan.digest, revision = 1 } = {}) =>
  fixture.inApi((tx) => {
    const facts = { revision, planDigest: digest };
    tx.audit({ type: 'proposal.glass_broken', proposalId: plan.proposalId, facts, personal: { actor: by } });
    return tx.rows(
      `INSERT INTO exequatur.glass (tenant_id, id, proposal_id, revision, digest, broken_by, reason, broken_at)
       VALUES ((SELECT current_setting('app.tenant')::uuid), gen_random_uuid(), $1::uuid, $2::int, $3, $4, 'x', exequatur.clock())`,
      [plan.proposalId, revision, digest, by],
    );
  });
const approve = (plan: Plan) =>
  fixture.inApi((tx) => {
    tx.audit({ type: 'proposal.approved', proposalId: plan.proposalId, facts: { from: 'awaiting_approval', status: 'approved' } });
    return tx.rows("UPDATE exequatur.proposal SET status = 'approved' WHERE id = $1::uuid", [plan.proposalId]);
  });

it('how many reviews are owed, and how many of them are late, is counted over all tenants', async () => {
  const relay = openPool(fixture.database.urls.relay, { max: 1 });
  const counted = () => owedReviews(relay);
  try {
    expect(await counted()).toEqual({ due: 0, missed: 0 });
    const [first, second] = [await planned('A'), await planned('B')];
    for (const plan of [first, second]) {
      expectDone(await smash(plan));
      expect(await counted()).toEqual({ due: plan === first ? 0 : 1, missed: 0 });
      expect(await execute(plan)).toMatchObject({ status: 'executed' });
    }
    expect(await counted()).toEqual({ due: 2, missed: 0 });
    await fixture.database.advanceClock(31 * minute);
    await settle(first);
    expect(await counted()).toEqual({ due: 1, missed: 1 });
    expectDone(await reviewed(first));
    expectDone(await reviewed(second));
    expect(await counted()).toEqual({ due: 0, missed: 0 });
  } finally {
    await relay.end();
  }
});

describe('a policy that refuses the execution', () => {
  const permitAll = 'permit (principal, action, resource);';
  const two =
    '@explain("Two people.") forbid (principal, action == Action::"execute", resource == ActionType::"askFloorTwice") when { context.approvals < 3 };';
  const put = async (policies: Record<string, string>) => {
    const { proposalId } = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
    if (proposalId !== null) expect(await carriedOut(fixture, proposalId)).toMatchObject({ status: 'executed' });
  };
  const approvedByAll = async (name: string, proposer?: Caller) => {
    const plan = await planned(name, proposer);
    expectDone(await fixture.review(plan, keeper1));
    expect(await fixture.review(plan, officer)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
    return plan;
  };

  it('and is soft is overridden by who breaks the glass, which is told, kept and owes a review', async () => {
    await put({ all: permitAll, two: `@enforcement("soft") ${two}` });
    const plan = await approvedByAll('S');
    expect(await smash(plan, agent)).toMatchObject({ refused: 'not_for_emergencies' });
    expect(expectDone(await smash(plan)).settled).toMatchObject({ status: 'approved' });
    expect(await events(plan)).toContain('proposal.glass_broken');
    expect(await execute(plan)).toMatchObject({ status: 'executed', waitsFor: 'review' });
    const { decisions } = expectDone(await fixture.inApi((tx) => readDecisions(tx, plan.proposalId, fixture.deps)));
    expect(decisions.at(-1)).toMatchObject({
      outcome: 'allowed',
      details: { overridden: ['two'], overriddenBy: 'on-call-1' },
      explanation: 'agent-1 may execute, by all; on-call-1 has overridden two (Two people.).',
    });
    // The decision is a row that its login could leave out; the entry is in the log.
    expect(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId))).toContainEqual(
      expect.objectContaining({
        type: 'proposal.executed',
        facts: expect.objectContaining({ overriddenPolicies: ['two'], policyVersion: expect.any(Number) }),
        personal: { overriddenBy: 'on-call-1' },
      }),
    );
  });

  it.each<[string, Record<string, string>]>([
    ['says nothing of being soft', { two }],
    ['says it in a comment alone', { two: `// @enforcement("soft")\n${two}` }],
    ['is soft beside another that is not', { soft: `@enforcement("soft") ${two}`, two }],
    [
      'is soft and forbids to override as well',
      { two: `@enforcement("soft") ${two}`, never: 'forbid (principal, action == Action::"override", resource);' },
    ],
    [
      'cannot be computed',
      {
        two: '@enforcement("soft") forbid (principal, action == Action::"execute", resource) when { context.approvals * 9223372036854775807 + 9223372036854775807 > 0 && context.plan.edits.total > 0 };',
      },
    ],
  ])('and %s is overridden by nobody', async (_, policies) => {
    await put({ all: permitAll, ...policies });
    const plan = await approvedByAll('H');
    await smash(plan);
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('and is soft is not overridden where nothing else permits the execution', async () => {
    await put({
      most: 'permit (principal, action, resource) unless { action == Action::"execute" && resource == ActionType::"askFloorTwice" };',
      two: `@enforcement("soft") ${two}`,
    });
    const plan = await approvedByAll('N');
    expectDone(await smash(plan));
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('and is soft is not overridden by who proposed, nor by whom an approval of others is needed even then', async () => {
    await upload({ approvals: 1, roles: ['on-call', 'keeper', 'officer'] });
    await put({ all: permitAll, two: `@enforcement("soft") ${two}` });
    const own = await approvedByAll('O', onCall);
    expect(await smash(own, onCall)).toMatchObject({ refused: 'own_emergency' });
    const plan = await approvedByAll('T');
    await setPrincipal('officer-1', { disabled: true });
    expect(await smash(plan, keeper1)).toMatchObject({ refused: 'emergency_unapproved' });
    await setPrincipal('officer-1', { disabled: false });
  });
});

describe('breaking the glass', () => {
  it('has a plan executed without the approvals it needs, tells of it at once, and keeps who and why in the log', async () => {
    const plan = await planned('A');
    expect((await fixture.read(plan.proposalId, onCall)).actions.breakGlass).toEqual({ allowed: true });
    expect(expectDone(await smash(plan)).settled).toMatchObject({ status: 'approved' });
    expect((await events(plan)).slice(-2)).toEqual(['proposal.glass_broken', 'proposal.approved']);
    expect(await execute(plan)).toMatchObject({ status: 'executed', waitsFor: 'review' });
    expect((await fixture.read(plan.proposalId)).emergency).toMatchObject({
      brokenBy: 'on-call-1',
      reason: 'the roof burns',
      review: null,
    });
    const timeline = await fixture.inApi((tx) => readTimeline(tx, plan.proposalId));
    expect(timeline).toContainEqual(
      expect.objectContaining({ type: 'proposal.glass_broken', personal: { actor: 'on-call-1', reason: 'the roof burns' } }),
    );
    expect(timeline).toContainEqual(expect.objectContaining({ facts: expect.objectContaining({ approvedBy: 'emergency' }) }));
  });

  it.each([
    ['somebody in none of its roles', keeper1, 'not_for_emergencies'],
    ['an agent in one of its roles', caller('bot-1', ['on-call'], { kind: 'agent' }), 'not_for_emergencies'],
    ['a service in one of its roles', caller('job-1', ['on-call'], { kind: 'service' }), 'not_for_emergencies'],
    ['nobody', caller('guest-1', []), 'forbidden'],
    ['whom the proposing agent acts for, by the token', caller('on-call-2', ['on-call'], { actsFor: 'agent-1' }), 'own_emergency'],
  ])('is not for %s', async (_, who, refused) => {
    const plan = await planned('A');
    expect(await smash(plan, who)).toMatchObject({ refused });
    expect((await fixture.read(plan.proposalId)).status).toBe('awaiting_approval');
    expect(await events(plan)).not.toContain('proposal.glass_broken');
  });

  it('is not for another plan, another state, twice, or where no policy provides for it', async () => {
    const plan = await planned('A');
    expect(await smash({ ...plan, digest: `sha256:${'0'.repeat(64)}` })).toMatchObject({ refused: 'stale_digest' });
    expect(await smash({ ...plan, proposalId: randomUUID() })).toMatchObject({ refused: 'not_found' });
    expect(await smash(await fixture.planned('askFloor', { name: 'B' }))).toMatchObject({ refused: 'no_emergency' });
    expectDone(await smash(plan));
    expect(await smash(plan)).toMatchObject({ refused: 'not_awaiting_approval' });
    const late = await planned('C');
    await fixture.database.advanceClock(61 * minute);
    expect(await smash(late)).toMatchObject({ refused: 'not_awaiting_approval' });
  });

  it('is for whoever proposed only where the policy says so expressly, and then another person reviews', async () => {
    expect(await smash(await planned('A', onCall))).toMatchObject({ refused: 'own_emergency' });
    await upload({ byProposer: true });
    const plan = await planned('B', onCall);
    expectDone(await smash(plan));
    expect(await execute(plan)).toMatchObject({ status: 'executed' });
    await upload({ byProposer: true, reviewers: 'true' });
    const other = await planned('C', onCall);
    expectDone(await smash(other));
    expect(await execute(other)).toMatchObject({ status: 'executed' });
    expect(await reviewed(other, onCall)).toMatchObject({ refused: 'own_emergency' });
    expectDone(await reviewed(other));
  });

  it('needs the approvals that are needed even then, of others than who breaks it, and asks again at the execution', async () => {
    await upload({ approvals: 1, roles: ['on-call', 'keeper'] });
    const plan = await planned('A');
    expect(await smash(plan)).toMatchObject({ refused: 'emergency_unapproved' });
    expectDone(await fixture.review(plan, keeper1));
    expect(await smash(plan, keeper1)).toMatchObject({ refused: 'emergency_unapproved' });
    expectDone(await smash(plan));
    await setPrincipal('keeper-1', { disabled: true });
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
    await setPrincipal('keeper-1', { disabled: false });
    expect(await settle(plan)).toMatchObject({ status: 'approved' });
    expect(await execute(plan)).toMatchObject({ status: 'executed' });
  });

  it('counts no approval that who breaks it gave on behalf of another, neither at the gate nor in the door', async () => {
    await upload({ approvals: 1 });
    const plan = await planned('A');
    const delegation = {
      id: 'd1',
      delegate: onCall.id,
      endsAt: new Date(Date.now() + 86_400_000).toISOString(),
      reason: 'away',
      by: keeper1,
    };
    const { proposed } = expectDone(await fixture.inApi((tx) => putDelegation(tx, delegation, fixture.deps)));
    if (proposed !== null) expect(await carriedOut(fixture, proposed.proposalId, accessAdmin)).toMatchObject({ status: 'executed' });
    const { proposalId, digest } = plan;
    const review = { proposalId, digest: digest ?? '', decision: 'approve' as const, reviewer: onCall, onBehalfOf: keeper1.id };
    expectDone(await fixture.inApi((tx) => recordReview(tx, review, fixture.deps)));
    expect(await smash(plan)).toMatchObject({ refused: 'emergency_unapproved' });
    await forge(plan, 'on-call-1');
    await approve(plan);
    await expect(executePastTheGate(fixture, proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it.each([
    ['is disabled', { disabled: true }],
    ['has lost the role', { roles: ['keeper'] }],
    ['turns out to act for the proposer', { actsFor: 'agent-1' }],
    ['turns out to be the proposer', { linkedIdentities: ['agent-1'] }],
  ])('is worth nothing once who broke it %s', async (_, change) => {
    const plan = await planned('A');
    expectDone(await smash(plan));
    await setPrincipal('on-call-1', change);
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
    expect(await settle(plan)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('does not outlive the plan: a tightened policy asks its own people, and nobody breaks a glass that it no longer has', async () => {
    const plan = await planned('A');
    expectDone(await smash(plan));
    expectDone(await uploaded(fixture, building as unknown as JsonValue));
    expect(await execute(plan)).toMatchObject({ status: 'simulating' });
    const next = await simulated(fixture, plan.proposalId);
    expect(next.status).toBe('awaiting_approval');
    expect(await smash(next)).toMatchObject({ refused: 'no_emergency' });
    expect(await settle(next)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('lapses as approvals do, for the database as well', async () => {
    const document = withEmergencies() as unknown as { approvalPolicies: Record<'two-stage', object> };
    Object.assign(document.approvalPolicies['two-stage'], { approvalsLast: 'PT10M' });
    expectDone(await uploaded(fixture, document as unknown as JsonValue));
    const plan = await planned('A');
    expectDone(await smash(plan));
    await fixture.database.advanceClock(11 * minute);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
    expectDone(await smash(plan));
    expect(await execute(plan)).toMatchObject({ status: 'executed' });
  });

  it('takes no fewer approvals for a revert than the touched object types ask for by then', async () => {
    const plan = await planned('A');
    for (const reviewer of [keeper1, officer]) expectDone(await fixture.review(plan, reviewer));
    expectDone(await execute(plan).then((settled) => settled ?? { refused: 'not_found' as const }));
    const document = structuredClone(building);
    Object.assign(document.objectTypes.floor, { minimumApprovals: 1 });
    Object.assign(document.actionTypes.addFloor, { approvalPolicy: 'one-keeper' });
    expectDone(await uploaded(fixture, document as unknown as JsonValue));
    const revert = expectDone(
      await fixture.inApi((tx) => createRevert(tx, { proposalId: plan.proposalId, justification: 'x', proposer: agent }, fixture.deps)),
    );
    const undo = await simulated(fixture, revert.proposalId);
    expect(await smash(undo)).toMatchObject({ refused: 'emergency_unapproved' });
    expectDone(await fixture.review(undo, keeper1));
    expectDone(await smash(undo));
    expect(await execute(undo)).toMatchObject({ status: 'executed' });
  });

  it('does not pass a switch', async () => {
    const plan = await planned('A');
    expectDone(await smash(plan));
    expectDone(
      await fixture.inApi((tx) =>
        putSwitch(tx, { scope: 'actionType', name: 'askFloorTwice', state: 'off', reason: 'x', by: operator }, fixture.deps),
      ),
    );
    expect(await execute(plan)).toMatchObject({ status: 'scheduled' });
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ016' });
  });

  it('passes a freeze window only where the policy says so', async () => {
    const once = { from: '2020-01-01T00:00:00Z', until: '2099-01-01T00:00:00Z' };
    expectDone(await fixture.inApi((tx) => setFreezeWindow(tx, { name: 'now', reason: 'x', once, by: operator }, fixture.deps)));
    const plan = await planned('A');
    expectDone(await smash(plan));
    expect(await execute(plan)).toMatchObject({ status: 'scheduled' });
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ018' });
    await upload({ passesFreezeWindows: true });
    const next = await planned('B');
    for (const reviewer of [keeper1, officer]) expectDone(await fixture.review(next, reviewer));
    expect(await execute(next)).toMatchObject({ status: 'scheduled' });
    expectDone(await smash(next));
    expect(await smash(next)).toMatchObject({ refused: 'already_broken' });
    expect(await execute(next)).toMatchObject({ status: 'executed' });
  });

  it('is asked of the tenant’s policies as `override`, and again at the execution, with what they say of executions', async () => {
    const put = async (policies: Record<string, string>) => {
      const sent = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
      expect(await carriedOut(fixture, sent.proposalId ?? '')).toMatchObject({ status: 'executed' });
    };
    const all = 'permit (principal, action, resource);';
    const plan = await planned('A');
    await put({ all, never: '@explain("Not here.") forbid (principal, action == Action::"override", resource);' });
    expect(await smash(plan)).toMatchObject({ refused: 'policy_forbids' });
    await put({ all });
    expectDone(await smash(plan));
    await put({ all, never: 'forbid (principal == Principal::"on-call-1", action == Action::"override", resource);' });
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
    expect(await settle(plan)).toMatchObject({ status: 'awaiting_approval' });
    await put({ all, careful: 'forbid (principal, action == Action::"execute", resource) when { context.approvals < 1 };' });
    expect(await settle(plan)).toMatchObject({ status: 'approved' });
    expect(await execute(plan)).toMatchObject({ status: 'awaiting_approval' });
    await put({ all });
    expect(await settle(plan)).toMatchObject({ status: 'approved' });
    expect(await execute(plan)).toMatchObject({ status: 'executed' });
  });

  it('by two at the same instant is one emergency', async () => {
    const plan = await planned('A');
    await fixture.inApi((tx) => resolveActor(tx, caller('on-call-2')));
    const outcomes = await Promise.all([smash(plan), smash(plan, caller('on-call-2')), smash(plan)]);
    expect(outcomes.filter((outcome) => 'settled' in outcome && !('refused' in outcome))).toHaveLength(1);
    expect((await events(plan)).filter((type) => type === 'proposal.glass_broken')).toHaveLength(1);
    await Promise.all([execute(plan), execute(plan)]);
    expect((await events(plan)).filter((type) => type === 'proposal.executed')).toHaveLength(1);
  });
});

describe('the review that is owed', () => {
  async function executed(name: string): Promise<Plan> {
    const plan = await planned(name);
    expectDone(await smash(plan));
    expect(await execute(plan)).toMatchObject({ status: 'executed' });
    return plan;
  }
  const owing = async (needsReview: boolean) => {
    const actor = await fixture.inApi((tx) => resolveActor(tx, chief));
    const page = expectDone(await fixture.inApi((tx) => listProposals(tx, { needsReview }, actor, fixture.deps)));
    return page.proposals.map(({ id }) => id);
  };

  it('is given once, by a person whom the policy asks and who had no part in it', async () => {
    const waiting = await planned('Z');
    expect(await reviewed(waiting)).toMatchObject({ refused: 'no_review_owed' });
    const plan = await executed('A');
    expect(await owing(true)).toEqual([plan.proposalId]);
    expect(await reviewed(plan, onCall)).toMatchObject({ refused: 'own_emergency' });
    expect(await reviewed(plan, keeper1)).toMatchObject({ refused: 'not_for_emergencies' });
    expect(await reviewed(plan, caller('bot-1', ['chief'], { kind: 'agent' }))).toMatchObject({ refused: 'agent_may_not_review' });
    expect(await reviewed(plan, caller('chief-2', ['chief'], { actsFor: 'agent-1' }))).toMatchObject({ refused: 'own_emergency' });
    await setPrincipal('chief-4', { kind: 'user', roles: ['chief'], disabled: true });
    expect(await reviewed(plan, caller('chief-4'))).toMatchObject({ refused: 'forbidden' });
    expectDone(await reviewed(plan));
    expect(await reviewed(plan, caller('chief-3'))).toMatchObject({ refused: 'no_review_owed' });
    expect(await owing(true)).toEqual([]);
    expect(await owing(false)).toContain(plan.proposalId);
    expect(await settle(plan)).toMatchObject({ status: 'executed', waitMs: null });
    await fixture.database.advanceClock(31 * minute);
    await settle(plan);
    expect((await events(plan)).slice(-1)).toEqual(['proposal.emergency_reviewed']);
    expect((await fixture.read(plan.proposalId)).emergency?.review).toMatchObject({
      reviewer: 'chief-1',
      verdict: 'justified',
      comment: 'it did',
    });
  });

  it('is given by nobody who approved it, or is on their side, also where nobody else is there to give it', async () => {
    await upload({ approvals: 1, reviewers: "'keeper' in reviewer.roles" });
    const other = caller('keeper-2');
    await fixture.inApi((tx) => resolveActor(tx, other));
    const plan = await planned('A');
    expectDone(await fixture.review(plan, keeper1));
    expectDone(await smash(plan));
    expect(await execute(plan)).toMatchObject({ status: 'executed' });
    expect(await reviewed(plan, keeper1)).toMatchObject({ refused: 'own_emergency' });
    expect(await reviewed(plan, caller('keeper-3', ['keeper'], { actsFor: 'keeper-1' }))).toMatchObject({ refused: 'own_emergency' });
    await setPrincipal('keeper-4', { kind: 'user', roles: ['keeper'], linkedIdentities: ['keeper-1'] });
    expect(await reviewed(plan, caller('keeper-4'))).toMatchObject({ refused: 'own_emergency' });
    await fixture.database.advanceClock(31 * minute);
    await settle(plan);
    expect(await owing(true)).toEqual([plan.proposalId]);
    expect((await events(plan)).slice(-1)).toEqual(['proposal.emergency_unreviewed']);
    const forged = "UPDATE exequatur.glass SET reviewed_by = 'keeper-1', verdict = 'justified', reviewed_at = exequatur.clock()";
    await expect(fixture.inApi((tx) => tx.rows(forged))).rejects.toMatchObject({ code: 'XQ006' });
    expectDone(await reviewed(plan, other));
  });

  it('is told to be missing once it is, however often that is looked for, and may still be given', async () => {
    const plan = await executed('A');
    expect(await settle(plan)).toMatchObject({ waitsFor: 'review' });
    await fixture.database.advanceClock(30 * minute);
    const looks = await Promise.all(Array.from({ length: 4 }, () => settle(plan)));
    expect(looks.map((state) => state?.waitMs)).toEqual([null, null, null, null]);
    expect((await events(plan)).filter((type) => type === 'proposal.emergency_unreviewed')).toHaveLength(1);
    expect(await owing(true)).toEqual([plan.proposalId]);
    expectDone(await reviewed(plan));
    const timeline = await fixture.inApi((tx) => readTimeline(tx, plan.proposalId));
    expect(timeline).toContainEqual(
      expect.objectContaining({
        type: 'proposal.emergency_reviewed',
        facts: expect.objectContaining({ late: true, verdict: 'justified' }),
      }),
    );
  });

  it('is owed by nobody where the glass was broken in vain', async () => {
    const plan = await planned('A');
    expectDone(await smash(plan));
    await setPrincipal('on-call-1', { disabled: true });
    await execute(plan);
    await fixture.database.advanceClock(61 * minute);
    expect(await settle(plan)).toMatchObject({ status: 'expired', waitMs: null });
    expect(await owing(true)).toEqual([]);
    expect(await reviewed(plan)).toMatchObject({ refused: 'no_review_owed' });
  });
});

describe('the database', () => {
  it('takes a glass that is broken as the version of the action type says', async () => {
    const plan = await planned('A');
    await forge(plan, 'on-call-1');
    await approve(plan);
    await executePastTheGate(fixture, plan.proposalId);
    expect((await fixture.read(plan.proposalId)).status).toBe('executed');
  });

  it('refuses forged rows: of a policy without emergencies, and by whom the policy does not name', async () => {
    const plain = await fixture.planned('askFloor', { name: 'B' });
    await forge(plain, 'on-call-1');
    await approve(plain);
    await expect(executePastTheGate(fixture, plain.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
    await fixture.inApi(async (tx) => {
      await resolveActor(tx, caller('bot-1', ['on-call'], { kind: 'agent' }));
      await resolveActor(tx, caller('on-call-2', ['on-call'], { actsFor: agent.id }));
      await resolveActor(tx, keeper1);
    });
    for (const [at, by] of ['keeper-1', 'bot-1', 'on-call-2', 'stranger'].entries()) {
      const plan = await planned(`C${at}`);
      await forge(plan, by);
      await approve(plan);
      await expect(executePastTheGate(fixture, plan.proposalId), by).rejects.toMatchObject({ code: 'XQ002' });
    }
  });

  it('refuses one that was broken for another plan or another revision', async () => {
    const plan = await planned('A');
    await forge(plan, 'on-call-1', { digest: `sha256:${'0'.repeat(64)}` });
    await forge(plan, 'on-call-1', { revision: 2 });
    await approve(plan);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it.each([
    ['is disabled', { disabled: true }],
    ['has lost the role', { roles: ['keeper'] }],
    ['acts for the proposer', { actsFor: 'agent-1' }],
    ['is the proposer under another identity', { linkedIdentities: ['agent-1'] }],
  ])('refuses at the execution what was broken by somebody who by then %s', async (_, change) => {
    const plan = await planned('A');
    expectDone(await smash(plan));
    await setPrincipal('on-call-1', change);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('counts no approval of who broke it, where some are needed even then', async () => {
    await upload({ approvals: 1, roles: ['on-call', 'keeper'] });
    const plan = await planned('A');
    expectDone(await fixture.review(plan, keeper1));
    await forge(plan, 'keeper-1');
    await approve(plan);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('asks in an emergency, too, what the touched object types ask for', async () => {
    const document = withEmergencies({ approvals: 1 }) as unknown as { objectTypes: { floor: object } };
    Object.assign(document.objectTypes.floor, { minimumApprovals: 2 });
    const outcome = await uploaded(fixture, document as unknown as JsonValue);
    expect(outcome).toMatchObject({ refused: 'invalid_ontology' });
    const plan = await planned('A');
    const superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
    await superuser.connect();
    await superuser.query("UPDATE exequatur.object_type SET minimum_approvals = 1 WHERE name = 'floor'");
    await superuser.end();
    await forge(plan, 'on-call-1');
    await approve(plan);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('lets the worker break no glass, and nobody change or delete what is on record', async () => {
    const plan = await planned('A');
    const asWorker = (text: string) => withTenant(fixture.worker, fixture.tenant, (tx) => tx.rows(text));
    await expect(
      asWorker(
        `INSERT INTO exequatur.glass (tenant_id, id, proposal_id, revision, digest, broken_by, reason, broken_at)
         SELECT tenant_id, id, id, 1, plan_digest, 'on-call-1', 'x', exequatur.clock() FROM exequatur.proposal`,
      ),
    ).rejects.toMatchObject({ code: '42501' });
    expectDone(await smash(plan));
    const asApi = (text: string) => fixture.inApi((tx) => tx.rows(text));
    await expect(asApi("UPDATE exequatur.glass SET broken_by = 'x'")).rejects.toMatchObject({ code: '42501' });
    await expect(asApi('DELETE FROM exequatur.glass')).rejects.toMatchObject({ code: '42501' });
    const forged = "UPDATE exequatur.glass SET reviewed_by = 'x', verdict = 'justified', reviewed_at = exequatur.clock()";
    await expect(asApi(forged)).rejects.toMatchObject({ code: 'XQ006' });
    await execute(plan);
    expectDone(await reviewed(plan));
    await expect(asApi("UPDATE exequatur.glass SET verdict = 'unjustified'")).rejects.toMatchObject({ code: 'XQ011' });
    await expect(asWorker('UPDATE exequatur.glass SET overdue_at = exequatur.clock()')).rejects.toMatchObject({ code: 'XQ015' }); // It tells nobody.
    await withTenant(fixture.worker, fixture.tenant, async (tx) => {
      tx.audit({ type: 'proposal.emergency_unreviewed', proposalId: plan.proposalId, facts: {} });
      await tx.rows('UPDATE exequatur.glass SET overdue_at = exequatur.clock()');
    });
    await expect(asWorker('UPDATE exequatur.glass SET overdue_at = NULL')).rejects.toMatchObject({ code: 'XQ011' });
  });
});
