import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicyCase } from '../../ontology/policy-cases.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { PolicyUpload } from '../../store/plan-policy-change.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { activatePolicies, type PoliciesOutcome, putPolicies } from '../../store/put-policies.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { readDecisions } from '../../store/read-decisions.ts';
import { listPolicies, readPolicies } from '../../store/read-policies.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { isRefusal, type Refusal } from '../../store/refusal.ts';
import type { Settled } from '../../store/settle.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { admin, agent, building, caller, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, simulated } from './fixture.ts';
import { carriedOut } from './govern.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture?.close());

const permitAll = '@explain("Anything goes.") permit (principal, action, resource);';
const strict = (condition: string) =>
  `@explain("Asks for more.") forbid (principal, action == Action::"execute", resource == ActionType::"askFloor") when { ${condition} };`;
/** With all that has to happen until they are in force. */
const inForce = async (outcome: PoliciesOutcome | Refusal) => {
  if (!isRefusal(outcome) && outcome.proposalId !== null)
    expect(await carriedOut(fixture, outcome.proposalId)).toMatchObject({ status: 'executed' });
  return outcome;
};
const put = async (policies: Record<string, string>, more: { cases?: PolicyCase[]; dryRun?: boolean; by?: typeof admin } = {}) => {
  const upload: PolicyUpload = { policies, cases: more.cases ?? [] };
  const wishes = { dryRun: more.dryRun ?? false };
  return inForce(await fixture.inApi((tx) => putPolicies(tx, upload, more.by ?? admin, fixture.deps, wishes)));
};
const activate = async (version: number) => inForce(await fixture.inApi((tx) => activatePolicies(tx, version, admin, fixture.deps)));
const decisions = async (proposalId: string) => {
  const read = expectDone(await fixture.inApi((tx) => readDecisions(tx, proposalId, fixture.deps)));
  return read.decisions;
};
const told = async (proposalId: string) => (await decisions(proposalId)).map(({ action, outcome }) => `${action} ${outcome}`);
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const approved = async (name: string, reviewer = keeper1) => {
  const plan = await fixture.planned('askFloor', { name });
  expect(expectDone(await fixture.review(plan, reviewer)).settled?.status).toBe('approved');
  return plan;
};
const backToDefaults = () => activate(0);

describe('policies that are sent', () => {
  it('hold from the answer on, as a version that never changes', async () => {
    const first = expectDone(await put({ all: permitAll }));
    expect(first).toMatchObject({ version: 1, changed: true });
    expect(expectDone(await put({ all: permitAll }))).toMatchObject({ version: 1, changed: false });
    expect(await fixture.inApi((tx) => readPolicies(tx, null, fixture.deps))).toMatchObject({
      version: 1,
      active: true,
      policies: { all: permitAll },
    });
    await expect(fixture.inApi((tx) => tx.rows("UPDATE exequatur.policy_version SET policies = '{}'"))).rejects.toThrow(
      /permission denied/,
    );
    expect(expectDone(await backToDefaults())).toMatchObject({ version: 0, changed: true });
    const { versions } = await fixture.inApi((tx) => listPolicies(tx, fixture.deps));
    expect(versions.map(({ version, active }) => [version, active])).toEqual([
      [1, false],
      [0, true],
    ]);
  });

  it.each([
    ['that cannot be parsed', { a: 'permit (', b: permitAll }, '/policies/a'],
    ['that name an attribute there is not', { a: permitAll, b: strict('context.weather') }, '/policies/b'],
    ['that name an action type there is not', { a: 'permit (principal, action, resource == ActionType::"fly");' }, '/policies/a'],
    [
      'of a megabyte',
      Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`p${at}`, strict(`"${'x'.repeat(4_000)}" == ""`)])),
      '/policies',
    ],
    ['with which their author could not replace them', { a: 'permit (principal, action == Action::"see", resource);' }, '/policies'],
  ])('are refused with a pointer where there is one %s', async (_name, policies, pointer) => {
    expect(await put(policies)).toMatchObject({ refused: 'invalid_policies', faults: [{ pointer }] });
    expect(await fixture.inApi((tx) => readPolicies(tx, null, fixture.deps))).toMatchObject({ version: 0 });
  });

  it('are refused where a case does not come out, which is pointed at', async () => {
    const plan = (edits: number) => ({ plan: { edits: { create: edits } } });
    const cases: PolicyCase[] = [
      { name: 'small', principal: { roles: ['keeper'] }, action: 'execute', resource: 'askFloor', context: plan(1), expect: 'allow' },
      { name: 'large', principal: { roles: ['keeper'] }, action: 'execute', resource: 'askFloor', context: plan(9), expect: 'allow' },
      { name: 'elsewhere', principal: {}, action: 'execute', resource: 'nothing', expect: 'allow' },
    ];
    const refused = await put({ all: permitAll, few: strict('context.plan.edits.total > 5') }, { cases });
    expect(refused).toMatchObject({
      refused: 'invalid_policies',
      faults: [{ pointer: '/cases/1', message: 'large: expected allow, and it is deny (by few)' }, { pointer: '/cases/2/resource' }],
    });
  });

  it('are nobody’s to send but an ontology administrator’s, and not an agent’s', async () => {
    expect(await put({ all: permitAll }, { by: keeper1 })).toEqual({ refused: 'forbidden' });
    expect(await put({ all: permitAll }, { by: caller('agent-9', ['ontology-admin'], { kind: 'agent' }) })).toEqual({
      refused: 'forbidden',
    });
  });

  it('are another tenant’s business', async () => {
    const version = expectDone(await put({ all: permitAll, never: 'forbid (principal, action == Action::"propose", resource);' })).version;
    expect(await fixture.propose('askFloor', { name: 'X' })).toMatchObject({
      refused: 'policy_forbids',
      faults: [{ message: 'forbidden by never' }],
    });
    const other = await fixture.database.createTenant();
    const elsewhere = await withTenantPrisma(fixture.api, other, (tx) => readPolicies(tx, version, fixture.deps));
    expect(elsewhere).toBeNull();
    const stolen = withTenantPrisma(fixture.api, other, (tx) =>
      tx.rows('UPDATE exequatur.tenant_control SET policy_version = $1::bigint', [version]),
    );
    await expect(stolen).rejects.toThrow(/permission denied/);
    await backToDefaults();
  });

  it('are rehearsed on the newest proposals by a dry run, which stores nothing', async () => {
    const plan = await fixture.done('askFloor', { name: 'rehearsed' });
    const outcome = expectDone(await put({ all: permitAll, more: strict('context.approvals < 9') }, { dryRun: true }));
    const mine = outcome.rehearsal?.differences.filter(({ proposalId }) => proposalId === plan.proposalId);
    expect(mine).toEqual([
      {
        proposalId: plan.proposalId,
        actionType: 'askFloor',
        action: 'execute',
        principal: agent.id,
        from: 'allow',
        to: 'deny',
        policies: ['more'],
      },
    ]);
    expect(await fixture.inApi((tx) => readPolicies(tx, outcome.version, fixture.deps))).toBeNull();
  });

  it('are rehearsed with the sight of the tenant that proposing and approving ask for', async () => {
    const { proposalId } = await fixture.done('askFloor', { name: 'unseen' });
    const blind = 'forbid (principal, action == Action::"see", resource is Tenant) unless { principal in Role::"ontology-admin" };';
    const { rehearsal } = expectDone(await put({ all: permitAll, blind }, { dryRun: true }));
    const mine = rehearsal?.differences.filter((one) => one.proposalId === proposalId);
    expect(mine?.map(({ action, to, policies }) => [action, to, policies])).toEqual([
      ['propose', 'deny', ['blind']],
      ['review', 'deny', ['blind']],
    ]);
    expect(rehearsal?.fates.find((one) => one.proposalId === proposalId)).toMatchObject({ to: 'refused', policies: ['blind'] });
  });

  it('are rehearsed with the sight of the proposal that approving it asks for', async () => {
    const { proposalId } = await fixture.done('askFloor', { name: 'unseen by one' });
    const blind = `forbid (principal == Principal::"${keeper1.id}", action == Action::"see", resource == ActionType::"askFloor");`;
    const { rehearsal } = expectDone(await put({ all: permitAll, blind }, { dryRun: true }));
    const mine = rehearsal?.differences.filter((one) => one.proposalId === proposalId);
    expect(mine?.map(({ action, to, policies }) => [action, to, policies])).toEqual([['review', 'deny', ['blind']]]);
  });

  it('are rehearsed on those proposals alone that whoever asks may see', async () => {
    const { proposalId } = await fixture.done('askFloor', { name: 'hidden from one' });
    const hidden = `forbid (principal == Principal::"${admin.id}", action == Action::"see", resource == ActionType::"askFloor");`;
    expectDone(await put({ all: permitAll, hidden }));
    const never = strict('true');
    const other = caller('ontology-admin-7', ['ontology-admin']);
    const seen = expectDone(await put({ all: permitAll, hidden, never }, { dryRun: true, by: other })).rehearsal;
    expect(seen?.differences.map((one) => one.proposalId)).toContain(proposalId);
    const unseen = expectDone(await put({ all: permitAll, hidden, never }, { dryRun: true })).rehearsal;
    expect(unseen).toMatchObject({ differences: [], fates: [], summary: 'No proposal would come to anything else.' });
    expect(unseen?.proposals).toBeLessThan(seen?.proposals ?? 0);
    await backToDefaults();
  });

  it('say of each rehearsed proposal what would become of it: another stage and which, or refused whatever people say', async () => {
    const asked = await fixture.done('askFloor', { name: 'asked' });
    const byItself = await fixture.done('addFloor', { name: 'alone', rooms: [] });
    const fateOf = async (policies: Record<string, string>, { proposalId }: { proposalId: string }) => {
      const { rehearsal } = expectDone(await put({ all: permitAll, ...policies }, { dryRun: true }));
      return { words: rehearsal?.summary, fate: rehearsal?.fates.find((one) => one.proposalId === proposalId) };
    };
    const policies = ['it'];
    expect(await fateOf({ it: strict('context.approvals < 2') }, asked)).toEqual({
      words: expect.stringMatching(/^\d+ would now need another stage\.$/),
      fate: {
        proposalId: asked.proposalId,
        actionType: 'askFloor',
        from: 'allowed',
        to: 'another_stage',
        approvals: 2,
        stages: [],
        policies,
      },
    });
    const everyFloor = 'forbid (principal, action == Action::"execute", resource == ActionType::"addFloor")';
    expect((await fateOf({ it: `${everyFloor} when { context.approvals < 1 };` }, byItself)).fate).toEqual({
      ...{ proposalId: byItself.proposalId, actionType: 'addFloor', from: 'allowed', to: 'another_stage', approvals: 1 },
      ...{ stages: ['keepers'], policies },
    });
    expect((await fateOf({ it: `${everyFloor};` }, byItself)).fate).toMatchObject({ to: 'refused', approvals: null, stages: [], policies });
    const notHer =
      'forbid (principal, action == Action::"review", resource == ActionType::"askFloor") when { principal.id == "keeper-1" };';
    expect((await fateOf({ it: notHer }, asked)).fate).toMatchObject({ to: 'another_stage', approvals: 1, policies });
    const noAgents = 'forbid (principal, action == Action::"propose", resource == ActionType::"askFloor");';
    expect((await fateOf({ it: noAgents }, asked)).fate).toMatchObject({ to: 'refused', approvals: null, policies });
    expect((await fateOf({ it: 'forbid (principal, action == Action::"override", resource);' }, asked)).fate).toBeUndefined();
  });
});

describe('an upload of the ontology', () => {
  it('is refused where it takes a name away of which the policies in force speak', async () => {
    expectDone(await put({ all: permitAll, held: strict('true') }));
    const { askFloor: _gone, ...actionTypes } = building.actionTypes;
    const upload = () => fixture.inApi((tx) => putOntology(tx, { ...building, actionTypes }, admin, fixture.deps, { dryRun: true }));
    expect(await upload()).toMatchObject({
      refused: 'invalid_policies',
      faults: [{ message: expect.stringMatching(/^policies\/held: .*askFloor/) }],
    });
    await backToDefaults();
    expect(expectDone(await upload())).toMatchObject({ accepted: true });
  });
});

describe('an execution', () => {
  it('goes back to those who approve where the policies became stricter, and is over once one of them adds what they ask for', async () => {
    const plan = await approved('F1');
    expectDone(await put({ all: permitAll, two: strict('context.approvals < 2') }));
    expect(await execute(plan.proposalId)).toMatchObject({
      status: 'awaiting_approval',
      missing: expect.stringMatching(/policies in force/),
    });
    // Nothing goes round in a circle: whoever looks finds it held.
    expect(await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
    });
    expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'not_eligible' });
    expect(expectDone(await fixture.review(plan, keeper2)).settled?.status).toBe('approved');
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await told(plan.proposalId)).toEqual([
      'propose allowed',
      'stage asked',
      'review allowed',
      'execute refused',
      'review refused',
      'review allowed',
      'execute allowed',
    ]);
    const refused = (await decisions(plan.proposalId)).find(({ action, outcome }) => action === 'execute' && outcome === 'refused');
    expect(refused).toMatchObject({
      policies: ['two'],
      reason: 'policy_forbids',
      explanation: 'agent-1 may not execute, by two (Asks for more.).',
    });
    await backToDefaults();
  });

  it('is approved again by itself once the policies in force are others', async () => {
    const plan = await approved('F2');
    expectDone(await put({ all: permitAll, never: strict('true') }));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    await backToDefaults();
    expect(await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({ status: 'approved' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is not disturbed by policies that do not concern it', async () => {
    const plan = await approved('F3');
    expectDone(await put({ all: permitAll, other: 'forbid (principal, action, resource == ActionType::"closeRoom");' }));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed', revision: plan.revision, digest: plan.digest });
    await backToDefaults();
  });

  it.each<[string, () => Promise<Settled>]>([
    ['policy alone approved', () => fixture.planned('addFloor', { name: `alone ${randomUUID()}`, rooms: [] })],
    [
      'takes back what policy alone approved',
      async () => {
        const { proposalId } = await fixture.done('addFloor', { name: `undone ${randomUUID()}`, rooms: [] });
        const request = { proposalId, justification: 'Not needed.', proposer: keeper1 };
        const reverted = expectDone(await fixture.inApi((tx) => createRevert(tx, request, fixture.deps)));
        return simulated(fixture, reverted.proposalId);
      },
    ],
  ])('of what %s goes to the stages of its approval policy where policies refuse it, with the reason', async (_, prepare) => {
    const plan = await prepare();
    expect(plan.status).toBe('approved');
    const few = `@explain("Somebody looks.") forbid (principal, action == Action::"execute", resource == ActionType::"addFloor") when { context.approvals < 1 };`;
    expectDone(await put({ all: permitAll, few }));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    const waiting = await simulated(fixture, plan.proposalId);
    expect(waiting).toMatchObject({ status: 'awaiting_approval', missing: '1 more approval for keepers' });
    const timeline = await fixture.inApi((tx) => readTimeline(tx, plan.proposalId));
    expect(timeline).toContainEqual(
      expect.objectContaining({
        facts: expect.objectContaining({ status: 'simulating', policies: ['few'] }),
        personal: expect.objectContaining({ reason: 'policy_forbids' }),
      }),
    );
    expect(await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
    });
    await backToDefaults();
    expect(await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
    });
    expect(expectDone(await fixture.review(waiting, keeper2)).settled?.status).toBe('approved');
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is refused where a policy cannot be computed', async () => {
    const plan = await approved('F4');
    expectDone(await put({ all: permitAll, broken: strict('context.plan.edits.total * 9223372036854775807 + 9223372036854775807 > 0') }));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    const last = (await decisions(plan.proposalId)).at(-1);
    expect(last).toMatchObject({ outcome: 'refused', policies: ['broken'], errors: [expect.stringMatching(/overflow/)] });
    await backToDefaults();
  });

  it('raced by an activation is decided by one version: none commits under the former after the answer', async () => {
    for (let at = 0; at < 8; at++) {
      const plan = await approved(`R${at}`);
      const [outcome] = await Promise.all([execute(plan.proposalId), put({ all: permitAll, [`never${at}`]: strict('true') })]);
      expect(['executed', 'awaiting_approval']).toContain(outcome?.status);
      const last = (await decisions(plan.proposalId)).at(-1);
      expect(last).toMatchObject(
        outcome?.status === 'executed' ? { outcome: 'allowed', policyVersion: 0 } : { outcome: 'refused', policies: [`never${at}`] },
      );
      await backToDefaults();
    }
  });
});

describe('what a plan touches', () => {
  const onRooms = (
    condition: string,
  ) => `@explain("Asks for more.") forbid (principal, action in [Action::"review", Action::"execute"], resource == ActionType::"closeRoom")
when { context.plan.touches has room && ${condition} };`;

  it('is known to policies with what the plan does not write, for reviews and executions alike, and as it is then', async () => {
    await fixture.done('addFloor', { name: 'T1', rooms: [{ code: 'T1-1', seats: 4 }] });
    const sent = await put({
      all: permitAll,
      large: onRooms('context.plan.touches.room.before has seats && context.plan.touches.room.before.seats.most > 10'),
      elsewhere: onRooms('context.plan.touches.room.ids.contains("T1-2")'),
      never: onRooms('context.plan.touches.room.after has status && context.plan.touches.room.after.status.contains("open")'),
    });
    expectDone(sent);
    const plan = await fixture.planned('closeRoom', { room: 'T1-1' });
    expectDone(await fixture.review(plan, keeper1));
    await fixture.done('setSeats', { room: 'T1-1', seats: 11 });
    expect(await fixture.review(plan, officer)).toMatchObject({ refused: 'policy_forbids', faults: [{ message: 'forbidden by large' }] });
    await fixture.done('setSeats', { room: 'T1-1', seats: 10 });
    expect(await fixture.review(plan, officer)).toMatchObject({ settled: { status: 'approved' } });
    await fixture.done('setSeats', { room: 'T1-1', seats: 12 });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expect((await decisions(plan.proposalId)).at(-1)).toMatchObject({ action: 'execute', outcome: 'refused', policies: ['large'] });
    await backToDefaults();
  });

  it('is rehearsed on past proposals, with what their plans wrote', async () => {
    await fixture.done('addFloor', { name: 'T2', rooms: [{ code: 'T2-1' }] });
    const done = await fixture.done('closeRoom', { room: 'T2-1' });
    const never = onRooms('context.plan.touches.room.before has status && context.plan.touches.room.before.status.contains("open")');
    const { rehearsal } = expectDone(await put({ all: permitAll, never }, { dryRun: true }));
    const mine = rehearsal?.differences.filter(({ proposalId }) => proposalId === done.proposalId);
    expect(mine?.map(({ action, to, policies }) => [action, to, policies])).toEqual([
      ['review', 'deny', ['never']],
      ['review', 'deny', ['never']],
      ['execute', 'deny', ['never']],
    ]);
  });
});

describe('every decision on a proposal', () => {
  it('is explained, and so is who was refused, once', async () => {
    const plan = await fixture.planned('askFloor', { name: 'E1' });
    expect(await fixture.review(plan, officer)).toEqual({ refused: 'not_eligible' });
    expect(await fixture.review(plan, officer)).toEqual({ refused: 'not_eligible' });
    expect(await fixture.review(plan, agent)).toEqual({ refused: 'agent_may_not_review' });
    const withdraw = (by: typeof agent) => fixture.inApi((tx) => withdrawProposal(tx, { proposalId: plan.proposalId, by }, fixture.deps));
    expect(await withdraw(keeper1)).toEqual({ refused: 'not_proposer' });
    expectDone(await withdraw(agent));
    expect((await decisions(plan.proposalId)).map(({ explanation }) => explanation)).toEqual([
      'agent-1 may propose, by actors-propose (Whoever has a role beyond reading may propose.).',
      'The approval policy one-keeper asks keepers (1).',
      'officer-1 may not review: The open approval stage does not ask this reviewer.',
      'agent-1 may not review: Only people review proposals.',
      'keeper-1 may not withdraw: Only the proposer may do that.',
      "agent-1 may withdraw: the gate's own rules allow it.",
    ]);
    const entries = await fixture.inApi((tx) =>
      tx.rows("SELECT 1 FROM exequatur.audit_entry e WHERE e.proposal_id = $1::uuid AND e.type = 'decision.refused'", [plan.proposalId]),
    );
    expect(entries).toHaveLength(3);
  });

  it('of a review that a policy forbids leaves the proposal where it was', async () => {
    expectDone(
      await put({ all: permitAll, not1: 'forbid (principal, action == Action::"review", resource) when { principal.id == "keeper-1" };' }),
    );
    const plan = await fixture.planned('askFloor', { name: 'E2' });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'policy_forbids' });
    expect(expectDone(await fixture.review(plan, keeper2)).settled?.status).toBe('approved');
    await backToDefaults();
  });
});

it('operators stop what runs whatever policies say, and let it go on as policies let them', async () => {
  const turn = (state: 'on' | 'off') =>
    fixture.inApi((tx) => putSwitch(tx, { scope: 'tenant', name: 'all', state, reason: 'smoke', by: caller('operator-1') }, fixture.deps));
  const upload = {
    sight: 'permit (principal, action == Action::"see", resource);',
    policies: 'permit (principal, action, resource == Settings::"policies");',
  };
  expectDone(await put(upload));
  expect(await turn('off')).toMatchObject({ view: { state: 'off' } });
  expect(await turn('on')).toMatchObject({ refused: 'policy_forbids' });
  expectDone(await backToDefaults());
  const { proposed } = expectDone(await turn('on'));
  expect(await carriedOut(fixture, proposed?.proposalId ?? '', caller('operator-2'))).toMatchObject({ status: 'executed' });
  expect(await turn('on')).toMatchObject({ view: { state: 'on' }, proposed: null });
});

it.each<[string, PrincipalChange]>([
  ['is disabled', { disabled: true }],
  ['has lost the role', { roles: [] }],
  ['acts for the proposer', { actsFor: agent.id }],
  ['is the proposer under another identity', { linkedIdentities: [agent.id] }],
])('policies count nobody among those who approved who %s since', async (_, change) => {
  const second = caller(`second, who ${_}`, ['keeper']);
  const amend = (to: PrincipalChange) =>
    fixture.inApi((tx) => putPrincipal(tx, { id: second.id, change: to, by: caller('access-admin-1') }, fixture.deps));
  expectDone(await put({ all: permitAll, two: strict('context.approvals < 2') }));
  const plan = await approved(`counted ${_}`);
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  expect(await fixture.review(plan, second)).toMatchObject({ settled: { status: 'approved' } });
  expectDone(await amend(change));
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  if ('linkedIdentities' in change) expectDone(await amend({ linkedIdentities: [] }));
  await backToDefaults();
});
