// Switches stop what would be proposed and what would be executed, at once; on a clone from tests/support/database.ts.
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { putPrincipal } from '../../store/put-principal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { resolveActor } from '../../store/standing.ts';
import { listSwitches, type SwitchScope } from '../../store/switches.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { admin, agent, building, caller, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';
import { carriedOut } from './govern.ts';

let fixture: Fixture;
let floors = 0;
const [operator1, operator2] = [caller('operator-1'), caller('operator-2')];
const put = (scope: SwitchScope, name: string, state: 'on' | 'off', by = operator1) =>
  fixture.inApi((tx) => putSwitch(tx, { scope, name, state, reason: 'smoke', by }, fixture.deps));
/** Proposed by one operator and approved by another. */
const on = async (scope: SwitchScope, name: string) => {
  const { proposed } = expectDone(await put(scope, name, 'on'));
  if (proposed !== null) expect(await carriedOut(fixture, proposed.proposalId, operator2)).toMatchObject({ status: 'executed' });
};
const list = () => fixture.inApi((tx) => listSwitches(tx));
const propose = () => fixture.propose('askFloor', { name: `S${++floors}` });
const approved = async () => {
  const plan = await fixture.planned('askFloor', { name: `S${++floors}` });
  await fixture.review(plan, keeper1);
  return plan.proposalId;
};
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);

beforeAll(async () => {
  fixture = await openFixture();
  for (const who of [operator1, operator2]) await fixture.inApi((tx) => resolveActor(tx, who));
});
afterEach(async () => {
  for (const { scope, name } of await list()) {
    await on(scope, name);
  }
});
afterAll(() => fixture.close());

describe('what is switched off', () => {
  it.each<[SwitchScope, string]>([
    ['tenant', 'all'],
    ['actionType', 'askFloor'],
    ['agent', 'all'],
    ['agent', 'agent-1'],
    ['principal', 'agent-1'],
  ])('by %s/%s is neither proposed nor executed, and goes on when it is on again', async (scope, name) => {
    const proposalId = await approved();
    expect(await put(scope, name, 'off')).toMatchObject({ view: { scope, name, state: 'off', reason: 'smoke', changedBy: 'operator-1' } });
    expect(await propose()).toMatchObject({ refused: 'switched_off', faults: [{ message: `the switch ${scope}/${name} is off` }] });
    expect(await execute(proposalId)).toMatchObject({ status: 'scheduled' });
    const again = await execute(proposalId);
    expect(again).toMatchObject({ status: 'scheduled' });
    expect(again?.waitMs).toBeGreaterThan(60_000);
    await on(scope, name);
    const [nudge] = await fixture.inApi((tx) =>
      tx.rows<{ waiting: boolean }>(
        'SELECT EXISTS (SELECT FROM exequatur.nudge n WHERE n.proposal_id = $1::uuid AND n.delivered_at IS NULL) AS waiting',
        [proposalId],
      ),
    );
    expect(nudge).toEqual({ waiting: true });
    expect(await execute(proposalId)).toMatchObject({ status: 'executed' });
    expect(await propose()).toMatchObject({ status: 'simulating' });
  });

  it('is all that is stopped', async () => {
    await put('actionType', 'closeRoom', 'off');
    await put('agent', 'agent-2', 'off');
    await put('principal', 'keeper-9', 'off');
    expect(await execute(await approved())).toMatchObject({ status: 'executed' });
    await put('agent', 'all', 'off');
    expect(await fixture.propose('askFloor', { name: `S${++floors}` }, { proposer: caller('keeper-7') })).toMatchObject({
      status: 'simulating',
    });
  });

  it('is not reverted either', async () => {
    const done = await fixture.done('askFloor', { name: `S${++floors}` });
    await put('actionType', 'askFloor', 'off');
    const revert = () =>
      fixture.inApi((tx) => createRevert(tx, { proposalId: done.proposalId, justification: 'undo', proposer: agent }, fixture.deps));
    expect(await revert()).toMatchObject({ refused: 'switched_off' });
  });

  it('does not commit once the answer is given, however many executions were under way', async () => {
    const proposals = await Promise.all(Array.from({ length: 12 }, approved));
    const before = await executions();
    const running = proposals.map(execute);
    expectDone(await put('tenant', 'all', 'off'));
    const atTheAnswer = await executions();
    const outcomes = await Promise.all(running);
    expect(await executions()).toBe(atTheAnswer);
    const ended = (status: string) => outcomes.filter((outcome) => outcome?.status === status).length;
    expect({ executed: ended('executed'), scheduled: ended('scheduled') }).toEqual({
      executed: atTheAnswer - before,
      scheduled: 12 - (atTheAnswer - before),
    });
  });

  it('is refused by the database itself', async () => {
    const proposalId = await approved();
    const trick = executePastTheGate(fixture, proposalId, () => put('tenant', 'all', 'off'));
    await expect(trick).rejects.toMatchObject({ code: 'XQ016' });
  });
});

it('to switch off never waits for a dry run that looks at the data', async () => {
  const superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  const required = structuredClone(building);
  Object.assign(required.objectTypes.room.properties.seats, { required: true });
  await superuser.query('BEGIN; LOCK TABLE exequatur.object IN ACCESS EXCLUSIVE MODE');
  const dry = fixture.inApi((tx) => putOntology(tx, required, admin, fixture.deps, { dryRun: true }));
  await expect.poll(() => lockWaits(superuser, { relation: 'exequatur.object' })).toHaveLength(1);
  expect(await put('tenant', 'all', 'off')).toMatchObject({ view: { state: 'off' } });
  await superuser.query('ROLLBACK');
  expect(await dry).toMatchObject({ dryRun: true, changed: true });
  await superuser.end();
});

it('what somebody proposed who is disabled since is held until they are not', async () => {
  const proposalId = await approved();
  const access = caller('access-1', ['access-admin']);
  const disable = (disabled: boolean) =>
    fixture.inApi((tx) => putPrincipal(tx, { id: agent.id, change: { disabled }, by: access }, fixture.deps));
  expectDone(await disable(true));
  expect(await execute(proposalId)).toMatchObject({ status: 'scheduled' });
  expectDone(await disable(false));
  expect(await execute(proposalId)).toMatchObject({ status: 'executed' });
});

describe('to switch on again', () => {
  const tenantSwitch = async () => (await list()).find(({ scope }) => scope === 'tenant');
  const planOn = async (by = operator1) => {
    const { proposed } = expectDone(await put('tenant', 'all', 'on', by));
    return simulated(fixture, proposed?.proposalId ?? '');
  };

  it('takes two people, who are not one under two identities', async () => {
    await put('tenant', 'all', 'off');
    const plan = await planOn();
    expect(plan.status).toBe('awaiting_approval');
    expect((await planOn()).proposalId).toBe(plan.proposalId);
    expect(await tenantSwitch()).toMatchObject({ state: 'off' });
    const home = caller('op-at-home', ['operator']);
    await fixture.inApi((tx) => resolveActor(tx, home));
    const link = (linkedIdentities: string[]) =>
      fixture.inApi((tx) =>
        putPrincipal(tx, { id: 'operator-1', change: { linkedIdentities }, by: caller('access-admin-1') }, fixture.deps),
      );
    expectDone(await link(['op-at-home']));
    expect(await fixture.review(plan, operator1)).toMatchObject({ refused: 'self_review' });
    expect(await fixture.review(plan, home)).toMatchObject({ refused: 'self_review' });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'not_eligible' });
    expectDone(await fixture.review(plan, operator2));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await tenantSwitch()).toMatchObject({ state: 'on', changedBy: 'operator-1' });
    expectDone(await link([]));
  });

  it('begins anew when somebody switches off in between', async () => {
    await put('tenant', 'all', 'off');
    const plan = await planOn();
    await put('tenant', 'all', 'off', operator2);
    expectDone(await fixture.review(plan, operator2));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'invalid' });
    expect(await tenantSwitch()).toMatchObject({ state: 'off', changedBy: 'operator-2' });
  });

  it('is nothing that the API could do by itself', async () => {
    await put('tenant', 'all', 'off');
    await expect(fixture.inApi((tx) => tx.rows('UPDATE exequatur.switch SET off = false'))).rejects.toThrow(/row-level security/);
  });
});

describe('a switch', () => {
  it('is for operators; a service may stop, an agent neither', async () => {
    const monitor = caller('monitor', ['operator'], { kind: 'service' });
    expect(await put('tenant', 'all', 'off', keeper1)).toEqual({ refused: 'forbidden' });
    expect(await put('tenant', 'all', 'off', caller('bot', ['operator'], { kind: 'agent' }))).toEqual({ refused: 'forbidden' });
    expect(await put('tenant', 'all', 'off', monitor)).toMatchObject({ view: { state: 'off' } });
    expect(await put('tenant', 'all', 'on', monitor)).toEqual({ refused: 'forbidden' });
    expect(await put('tenant', 'other', 'off')).toMatchObject({ refused: 'malformed_request', faults: [{ pointer: '/name' }] });
    expect(await put('actionType', 'never', 'on')).toEqual({ refused: 'not_found' });
  });
});

async function executions(): Promise<number> {
  const [row] = await fixture.inApi((tx) => tx.rows<{ done: number }>('SELECT count(*)::int AS done FROM exequatur.execution'));
  return row?.done ?? 0;
}
