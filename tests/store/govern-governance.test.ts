// What governs a tenant changes by proposals, on a clone from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import type { PolicyCase } from '../../ontology/policy-cases.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listReviewers } from '../../store/list-reviewers.ts';
import { putDelegation } from '../../store/put-delegation.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { activatePolicies, putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import { writeUntold } from '../support/write-untold.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { admin, building, caller, expectDone, type Fixture, keeper1, openFixture, shareDatabase, simulated } from './fixture.ts';
import { admin2, carriedOut, uploaded } from './govern.ts';

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture?.close());

const changed = (change: (document: typeof building & Record<string, unknown>) => void): JsonValue => {
  const copy = structuredClone(building);
  change(copy);
  return copy as JsonValue;
};
const threeKeepers = changed((copy) => Object.assign(copy.approvalPolicies['one-keeper'].stages[0]?.thresholds[0] ?? {}, { needed: 3 }));
const looser = changed((copy) => Object.assign(copy.actionTypes.askFloor, { approvalPolicy: 'by-itself' }));
const propose = async (document: JsonValue, by = admin) =>
  expectDone(await fixture.inApi((tx) => putOntology(tx, document, by, fixture.deps, { justification: 'so it is' })));
const planned = async (document: JsonValue) => simulated(fixture, (await propose(document)).proposalId ?? '');
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const digest = () => fixture.inApi(async (tx) => (await fixture.deps.ontologies.load(tx))?.ontology.digest);
const revert = (proposalId: string) =>
  fixture.inApi((tx) => createRevert(tx, { proposalId, justification: 'undo', proposer: admin }, fixture.deps));
const asSuperuser = (text: string, values: unknown[] = []) => writeUntold(fixture.database, text, values);

describe('a document after the first', () => {
  it('that tightens takes the one who sends it', async () => {
    const proposed = await propose(threeKeepers);
    expect(proposed).toMatchObject({ version: 2, changed: true, loosens: [] });
    const before = await digest();
    expect(await simulated(fixture, proposed.proposalId ?? '')).toMatchObject({ status: 'approved' });
    expect(await digest()).toBe(before);
    expect(await execute(proposed.proposalId ?? '')).toMatchObject({ status: 'executed' });
    expect(await digest()).toBe(proposed.digest);
  });

  it('that loosens waits for another person with the role', async () => {
    const proposed = await propose(looser);
    expect(proposed.loosens).toEqual([{ pointer: '/actionTypes/askFloor/approvalPolicy', message: expect.any(String) }]);
    const plan = await simulated(fixture, proposed.proposalId ?? '');
    expect(plan).toMatchObject({ status: 'awaiting_approval', missing: '1 more approval for second-person', riskTier: 'high' });
    expect(await fixture.review(plan, admin)).toMatchObject({ refused: 'self_review' });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'not_eligible' });
    expect(await fixture.review(plan, caller('agent-2', ['ontology-admin'], { kind: 'agent' }))).toMatchObject({
      refused: 'agent_may_not_review',
    });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expectDone(await fixture.review(plan, admin2));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    const view = await fixture.read(plan.proposalId, admin2);
    expect(view).toMatchObject({ status: 'executed', justification: 'so it is', reviews: [{ reviewer: { id: 'ontology-admin-2' } }] });
    expect(await fixture.planned('askFloor', { name: 'L1' })).toMatchObject({ status: 'approved' });
  });

  it('can be rejected, and then nothing of it is in force', async () => {
    const before = await digest();
    const plan = await planned(looser);
    expect(await fixture.review(plan, admin2, 'reject')).toMatchObject({ settled: { status: 'rejected' } });
    expect(await digest()).toBe(before);
  });

  it('does not count the approval of one who is disabled since', async () => {
    const plan = await planned(looser);
    expectDone(await fixture.review(plan, admin2));
    const change: PrincipalChange = { disabled: true };
    expectDone(await fixture.inApi((tx) => putPrincipal(tx, { id: admin2.id, change, by: caller('access-admin-1') }, fixture.deps)));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('leaves a log of its own: who proposed, who approved, what was in force from then on', async () => {
    const plan = await planned(looser);
    expectDone(await fixture.review(plan, admin2));
    await execute(plan.proposalId);
    const entries = await fixture.inApi((tx) => tx.rows<{ type: string }>('SELECT e.type FROM exequatur.audit_entry e ORDER BY e.seq'));
    const types = entries.map(({ type }) => type);
    for (const type of ['proposal.created', 'review.recorded', 'ontology.changed', 'proposal.executed']) expect(types).toContain(type);
  });
});

describe('what was changed is taken back', () => {
  it('under the same rule: a loosening by one person, a tightening by two', async () => {
    const [first, tight] = [await digest(), await propose(threeKeepers)];
    await carriedOut(fixture, tight.proposalId ?? '');
    const back = expectDone(await revert(tight.proposalId ?? ''));
    const plan = await simulated(fixture, back.proposalId);
    expect(plan.status).toBe('awaiting_approval');
    expectDone(await fixture.review(plan, admin2));
    expect(await execute(back.proposalId)).toMatchObject({ status: 'executed' });
    expect(await digest()).toBe(first);

    const loose = await propose(looser);
    await carriedOut(fixture, loose.proposalId ?? '');
    const tightened = expectDone(await revert(loose.proposalId ?? ''));
    expect(await simulated(fixture, tightened.proposalId)).toMatchObject({ status: 'approved' });
    expect(await execute(tightened.proposalId)).toMatchObject({ status: 'executed' });
    expect(await digest()).toBe(first);
  });

  it('only where nothing else came after it', async () => {
    const tight = await propose(threeKeepers);
    await carriedOut(fixture, tight.proposalId ?? '');
    expectDone(await uploaded(fixture, building as JsonValue));
    expect(await revert(tight.proposalId ?? '')).toMatchObject({ refused: 'setting_changed' });
  });

  it('by those who may change it alone', async () => {
    const loose = await propose(looser);
    await carriedOut(fixture, loose.proposalId ?? '');
    const request = { proposalId: loose.proposalId ?? '', justification: 'undo', proposer: keeper1 };
    expect(await fixture.inApi((tx) => createRevert(tx, request, fixture.deps))).toMatchObject({ refused: 'forbidden' });
  });
});

describe('policies', () => {
  const all = 'permit (principal, action, resource);';
  const never = 'forbid (principal, action == Action::"execute", resource);';
  const put = (policies: Record<string, string>, cases: PolicyCase[] = []) =>
    fixture.inApi((tx) => putPolicies(tx, { policies, cases }, admin, fixture.deps)).then(expectDone);
  const statusOf = async (proposalId: string | null) => (await simulated(fixture, proposalId ?? '')).status;

  it('that forbid more take one person, and those that may permit more take two', async () => {
    const first = await put({ all });
    expect(await statusOf(first.proposalId)).toBe('approved');
    await execute(first.proposalId ?? '');
    const stricter = await put({ all, never });
    expect([stricter.loosens, await statusOf(stricter.proposalId)]).toEqual([[], 'approved']);
    await execute(stricter.proposalId ?? '');
    const laxer = await put({ all });
    expect([laxer.loosens, await statusOf(laxer.proposalId)]).toMatchObject([[{ pointer: '/policies/never' }], 'awaiting_approval']);
    const builtIn = expectDone(await fixture.inApi((tx) => activatePolicies(tx, 0, admin, fixture.deps)));
    expect(await statusOf(builtIn.proposalId)).toBe('awaiting_approval');
    expect(await fixture.inApi((tx) => tx.rows('SELECT c.policy_version::int AS version FROM exequatur.tenant_control c'))).toEqual([
      { version: 2 },
    ]);
  });

  it('without a case that they had to pass take two, and with one more take one', async () => {
    const cases: PolicyCase[] = [{ name: 'nobody executes', principal: {}, action: 'execute', resource: 'askFloor', expect: 'deny' }];
    const tested = await put({ all, never }, cases);
    expect(tested.loosens).toEqual([]);
    await carriedOut(fixture, tested.proposalId ?? '');
    const untested = await put({ all, never });
    const gone = [{ pointer: '/cases', message: expect.stringContaining('nobody executes') }];
    expect([untested.loosens, await statusOf(untested.proposalId)]).toEqual([gone, 'awaiting_approval']);
  });

  it('come back to the former version with a revert', async () => {
    const first = await put({ all });
    await carriedOut(fixture, first.proposalId ?? '');
    const stricter = await put({ all, never });
    await carriedOut(fixture, stricter.proposalId ?? '');
    const back = expectDone(await revert(stricter.proposalId ?? ''));
    expect(await statusOf(back.proposalId)).toBe('awaiting_approval');
    expect(await carriedOut(fixture, back.proposalId)).toMatchObject({ status: 'executed' });
    expect(await fixture.inApi((tx) => tx.rows('SELECT c.policy_version::int AS version FROM exequatur.tenant_control c'))).toEqual([
      { version: 1 },
    ]);
  });
});

describe('a tenant’s own rule', () => {
  const governed = changed((copy) => {
    const thresholds = [{ needed: 2, reviewers: "'ontology-admin' in reviewer.roles" }];
    Object.assign(copy.approvalPolicies, { board: { expiresAfter: 'P7D', stages: [{ name: 'board', thresholds }] } });
    Object.assign(copy, { governance: { loosening: 'board', tightening: 'board' } });
  });

  it('asks more of changes, also of those that would drop it, and no single person drops it', async () => {
    expectDone(await uploaded(fixture, governed));
    const dropping = await planned(building as JsonValue);
    expect(dropping).toMatchObject({ status: 'awaiting_approval', missing: '2 more approvals for board' });
    expectDone(await fixture.review(dropping, admin2));
    expect(await execute(dropping.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expectDone(await fixture.review(dropping, caller('ontology-admin-3')));
    expect(await execute(dropping.proposalId)).toMatchObject({ status: 'executed' });
    expect(await planned(threeKeepers)).toMatchObject({ status: 'approved' });
  });

  it('drops nothing: whoever approves has the role of what is changed, whomever its policy and the policies admit', async () => {
    const anyone = changed((copy) => {
      const thresholds = [{ needed: 1, reviewers: 'true // whoever' }];
      Object.assign(copy.approvalPolicies, { anyone: { expiresAfter: 'PT10H', stages: [{ name: 'anyone', thresholds }] } });
      Object.assign(copy, { governance: { loosening: 'anyone' } });
    }) as typeof building;
    expectDone(await uploaded(fixture, anyone));
    const policies = { all: 'permit (principal, action, resource);' };
    const put = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
    expect(put.loosens).toEqual([]);
    expect(await carriedOut(fixture, put.proposalId ?? '')).toMatchObject({ status: 'executed' });
    const dropping = structuredClone(anyone);
    dropping.approvalPolicies['two-stage'].stages.pop();
    const plan = await planned(dropping as JsonValue);
    expect(plan).toMatchObject({ status: 'awaiting_approval' });
    expect(await fixture.review(plan, caller('auditor-1'))).toMatchObject({ refused: 'not_eligible' });
    const listed = expectDone(await fixture.inApi((tx) => listReviewers(tx, plan.proposalId, fixture.deps)));
    expect(listed.reviewers.map(({ id }) => id)).toEqual([admin2.id]);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expectDone(await fixture.review(plan, admin2));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('names a policy that there is', async () => {
    const none = changed((copy) => Object.assign(copy, { governance: { loosening: 'none' } }));
    expect(await fixture.inApi((tx) => putOntology(tx, none, admin, fixture.deps))).toMatchObject({
      refused: 'invalid_ontology',
      faults: [{ pointer: '/governance/loosening' }],
    });
  });
});

describe('the database by itself', () => {
  beforeEach(() => fixture.inApi((tx) => resolveActor(tx, admin2)));

  it.each<[string, string | null]>([
    ['that waits for its second person', null],
    ['of which the API says that it only tightens', 'UPDATE exequatur.proposal SET loosens = false WHERE id = $1'],
  ])('executes no loosening change %s', async (_, forgery) => {
    const plan = await planned(looser);
    if (forgery !== null) await asSuperuser(forgery, [plan.proposalId]);
    await asSuperuser("UPDATE exequatur.proposal SET status = 'approved' WHERE id = $1", [plan.proposalId]);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
    await approveAsSecond(plan);
    await executePastTheGate(fixture, plan.proposalId, undefined, ['ontology.changed']);
    expect((await fixture.read(plan.proposalId)).status).toBe('executed');
  });

  it('executes no loosening change that somebody without its role approved', async () => {
    const plan = await planned(looser);
    await fixture.inApi((tx) => resolveActor(tx, caller('auditor-1')));
    await approveAsSecond(plan, 'auditor-1');
    await asSuperuser("UPDATE exequatur.proposal SET status = 'approved' WHERE id = $1", [plan.proposalId]);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('executes no change whose worker says that it only tightens where the API says otherwise', async () => {
    const plan = await planned(threeKeepers);
    await asSuperuser('UPDATE exequatur.proposal SET loosens = true WHERE id = $1', [plan.proposalId]);
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('executes no change of what has been changed since', async () => {
    const [one, other] = [
      await planned(threeKeepers),
      await planned(changed((copy) => Object.assign(copy.actionTypes.join, { riskTier: 'high' }))),
    ];
    expect(await execute(one.proposalId)).toMatchObject({ status: 'executed' });
    await expect(executePastTheGate(fixture, other.proposalId)).rejects.toMatchObject({ code: 'XQ001' });
  });

  it('puts no policies in force where others are meanwhile', async () => {
    const all = 'permit (principal, action, resource);';
    const put = (policies: Record<string, string>) =>
      fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)).then(expectDone);
    const [one, other] = [await put({ all }), await put({ all, more: all })];
    for (const { proposalId } of [one, other]) await simulated(fixture, proposalId ?? '');
    expect(await execute(one.proposalId ?? '')).toMatchObject({ status: 'executed' });
    await expect(executePastTheGate(fixture, other.proposalId ?? '')).rejects.toMatchObject({ code: 'XQ001' });
  });

  it('switches nothing on that was switched off once more, and grants no delegation twice', async () => {
    const operator = caller('operator-1');
    const turn = (state: 'on' | 'off') =>
      fixture.inApi((tx) => putSwitch(tx, { scope: 'tenant', name: 'all', state, reason: 'smoke', by: operator }, fixture.deps));
    await turn('off');
    const { proposed } = expectDone(await turn('on'));
    const plan = await simulated(fixture, proposed?.proposalId ?? '');
    expectDone(await fixture.review(plan, caller('operator-2')));
    await turn('off');
    await expect(executePastTheGate(fixture, plan.proposalId)).rejects.toMatchObject({ code: 'XQ001' });

    await fixture.inApi((tx) => resolveActor(tx, keeper1));
    const endsAt = new Date(Date.now() + 86_400_000).toISOString();
    const grant = (reason: string) =>
      fixture
        .inApi((tx) => putDelegation(tx, { id: 'leave', delegate: keeper1.id, endsAt, reason, by: admin2 }, fixture.deps))
        .then(expectDone);
    const grants = [await grant('away'), await grant('far away')].map((outcome) => outcome.proposed?.proposalId ?? '');
    for (const id of grants) expectDone(await fixture.review(await simulated(fixture, id), caller('access-admin-1')));
    await executePastTheGate(fixture, grants[0] ?? '', undefined, ['delegation.changed']);
    await expect(executePastTheGate(fixture, grants[1] ?? '')).rejects.toMatchObject({ code: 'XQ001' });
  });

  it.each<[string, string]>([
    ['a document', "SELECT exequatur.found_setting('$ontology', '', '{}', '{}', 'x')"],
    [
      'policies',
      `SELECT exequatur.found_setting('$policies', '', '{"version": 0}', '{"policies": "{}", "cases": "[]", "digest": "x"}', 'x')`,
    ],
    ['a switch', "SELECT exequatur.found_setting('$switch', 'tenant/all', '{}', '{}', 'x')"],
  ])('puts %s in force at once for nobody who has a document', async (_, text) => {
    await expect(fixture.inApi((tx) => tx.rows(text))).rejects.toMatchObject({ code: 'XQ006' });
  });

  it.each([
    'INSERT INTO exequatur.ontology_version DEFAULT VALUES',
    'UPDATE exequatur.action_type SET current_version = 1',
    "UPDATE exequatur.action_type_version SET floors = '[]'",
    'UPDATE exequatur.object_type SET minimum_approvals = 0',
    'INSERT INTO exequatur.policy_version DEFAULT VALUES',
    'INSERT INTO exequatur.delegation DEFAULT VALUES',
    'UPDATE exequatur.tenant_control SET policy_version = 0',
    'INSERT INTO exequatur.ontology_migration DEFAULT VALUES',
    "SELECT exequatur.keep_definitions('{}', 'x')",
    "SELECT exequatur.put_setting(NULL, 'x', NULL)",
  ])('lets neither login change what governs: %s', async (text) => {
    for (const login of [fixture.inApi, fixture.inWorker])
      await expect(login((tx) => tx.rows(text))).rejects.toMatchObject({ code: '42501' });
  });
});

it('a change is proposed by its own route and no other', async () => {
  expect(await fixture.propose('$changeOntology', { base: 'x', document: {} }, { proposer: admin })).toMatchObject({
    refused: 'unknown_action_type',
  });
});

it('of two first documents one is in force, and the other is a change of it or refused', async () => {
  const tenant = await fixture.database.createTenant();
  const first = (document: JsonValue) => withTenantPrisma(fixture.api, tenant, (tx) => putOntology(tx, document, admin, fixture.deps));
  const outcomes = await Promise.all([first(building as JsonValue), first(looser)]);
  const inForce = outcomes.filter((outcome) => !('refused' in outcome) && outcome.proposalId === null);
  expect(inForce).toMatchObject([{ version: 1 }]);
  const versions = await withTenantPrisma(fixture.api, tenant, (tx) => tx.rows('SELECT 1 FROM exequatur.ontology_version'));
  expect(versions).toHaveLength(1);
});

/** The second person's review, put there past the gate, which would find the proposal approved already. */
function approveAsSecond({ proposalId }: { proposalId: string }, second = admin2.id): Promise<void> {
  return asSuperuser(
    `INSERT INTO exequatur.review (tenant_id, id, proposal_id, revision, digest, decision, reviewer_id, reviewer_kind, reviewer_roles, stage, created_at)
     SELECT p.tenant_id, gen_random_uuid(), p.id, p.revision, p.plan_digest, 'approve', $2, 'user', '{ontology-admin}', '', exequatur.clock() FROM exequatur.proposal p WHERE p.id = $1`,
    [proposalId, second],
  );
}
