// Several actions with one plan, one approval, one execution and one revert; on a clone from tests/support/database.ts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { changeSetName } from '../../ontology/change-set.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { readPlan } from '../../store/read-plan.ts';
import { simulateAction } from '../../store/simulate-action.ts';
import { stateHash } from '../../store/state-hash.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { admin, agent, building, caller, expectDone, type Fixture, keeper1, keeper2, officer, openFixture, simulated } from './fixture.ts';
import { carriedOut, uploaded } from './govern.ts';

type Action = { actionType: string; parameters: JsonObject };

let fixture: Fixture;
let floors = 0;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

const nameOf = (actions: readonly Action[]) => changeSetName(actions.map(({ actionType }) => actionType));
const planned = (actions: Action[]) => fixture.planned(nameOf(actions), { actions } as unknown as JsonValue);
const propose = (actions: Action[]) => fixture.propose(nameOf(actions), { actions } as unknown as JsonValue);
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const hash = () => fixture.inWorker((tx) => stateHash(tx));
const addFloor = (name: string, ...rooms: string[]): Action => ({
  actionType: 'addFloor',
  parameters: { name, rooms: rooms.map((code) => ({ code, seats: 2 })) },
});
const setSeats = (room: string, seats: number): Action => ({ actionType: 'setSeats', parameters: { room, seats } });
const closeRoom = (room: string): Action => ({ actionType: 'closeRoom', parameters: { room } });
const room = async (code: string) => {
  const [row] = await fixture.inWorker((tx) =>
    tx.rows<{ properties: JsonObject }>(`SELECT o.properties FROM exequatur.object o WHERE o.type = 'room' AND o.id = $1 AND o.alive`, [
      code,
    ]),
  );
  return row?.properties ?? null;
};
/** Three actions, each of which needs what the one before does. */
const refit = (): Action[] => {
  const name = `F${++floors}`;
  return [addFloor(name, `${name}-1`, `${name}-2`), setSeats(`${name}-1`, 9), closeRoom(`${name}-1`)];
};
const approved = async (actions: Action[]) => {
  const plan = await planned(actions);
  for (const reviewer of [keeper1, keeper2, officer]) expectDone(await fixture.review(plan, reviewer));
  return plan.proposalId;
};

describe('a change set', () => {
  it('has one plan, in which a later action sees what the earlier ones would do', async () => {
    const actions = refit();
    const plan = await planned(actions);
    const page = expectDone(await fixture.inApi((tx) => readPlan(tx, plan.proposalId)));
    const name = `F${floors}`;
    expect(page.edits).toEqual([
      { op: 'create', type: 'floor', id: name, set: { name } },
      { op: 'create', type: 'room', id: `${name}-1`, set: { code: `${name}-1`, floor: name, seats: 9, status: 'closed' } },
      { op: 'create', type: 'room', id: `${name}-2`, set: { code: `${name}-2`, floor: name, seats: 2, status: 'open' } },
    ]);
    expect(page.summary).toMatchObject({
      edits: { create: 3, modify: 0 },
      verdicts: [{ pointer: '/actions/2/criteria/0', outcome: 'passed' }],
      actions: [
        { actionType: 'addFloor', edits: 3 },
        { actionType: 'setSeats', edits: 1 },
        { actionType: 'closeRoom', edits: 1 },
      ],
    });
    expect(page.actionType.name).toBe('addFloor+closeRoom+setSeats');
  });

  it('is tried without storing anything: the plan is the one that proposing it makes', async () => {
    const actions = refit();
    const request = { actionType: nameOf(actions), parameters: { actions } as unknown as JsonValue, proposer: agent };
    const versions = () =>
      fixture.inWorker((tx) => tx.rows(`SELECT v.version FROM exequatur.action_type_version v WHERE v.name = $1`, [request.actionType]));
    const before = await versions();
    const dry = expectDone(await simulateAction(fixture.api, fixture.tenant, request, fixture.deps));
    expect(await versions()).toEqual(before);
    const plan = await planned(actions);
    expect(dry.planDigest).toBe(plan.digest);
    expect(expectDone(await simulateAction(fixture.api, fixture.tenant, request, fixture.deps)).planDigest).toBe(plan.digest);
    const wrong = { ...request, parameters: { actions: [...actions, setSeats('nowhere', 1)] } as unknown as JsonValue };
    expect(await simulateAction(fixture.api, fixture.tenant, wrong, fixture.deps)).toMatchObject({
      faults: [{ pointer: expect.stringMatching(/actions\/3/) }],
    });
    const unknown = { ...request, actionType: 'addFloor+nothing' };
    expect(await simulateAction(fixture.api, fixture.tenant, unknown, fixture.deps)).toMatchObject({ refused: 'unknown_action_type' });
  });

  it('asks everybody whom the policies of its actions ask, each on the whole, also where policy alone would approve', async () => {
    const plan = await planned([setSeats('nowhere', 1)]);
    expect(plan.status).toBe('invalid');
    const { approval } = await fixture.read((await planned(refit())).proposalId);
    expect(approval).toMatchObject({
      automatic: false,
      stages: [{ name: 'by-itself: keepers' }, { name: 'two-stage: keepers' }, { name: 'two-stage: safety' }],
    });
  });

  it('is executed once as a whole, and reverted as a whole', async () => {
    const before = await hash();
    const id = await approved(refit());
    expect(await execute(id)).toMatchObject({ status: 'executed' });
    expect(await execute(id)).toMatchObject({ status: 'executed' });
    expect(await room(`F${floors}-1`)).toMatchObject({ seats: 9, status: 'closed' });
    const executions = await fixture.inWorker((tx) => tx.rows('SELECT 1 FROM exequatur.execution e WHERE e.proposal_id = $1::uuid', [id]));
    expect(executions).toHaveLength(1);
    const revert = expectDone(
      await fixture.inApi((tx) => createRevert(tx, { proposalId: id, justification: 'back', proposer: agent }, fixture.deps)),
    );
    const plan = await simulated(fixture, revert.proposalId);
    expect(plan).toMatchObject({ status: 'awaiting_approval' });
    for (const reviewer of [keeper1, keeper2, officer]) expectDone(await fixture.review(plan, reviewer));
    expect(await execute(revert.proposalId)).toMatchObject({ status: 'executed' });
    expect(await hash()).toBe(before);
  });

  it('may have a thousand actions: one plan, one execution and one revert', async () => {
    const before = await hash();
    const names = Array.from({ length: 333 }, () => `F${++floors}`);
    // A floor, then the seats of its room, then the same room closed; and one room for which all of it is done again.
    const each = names.flatMap((name, n) => [addFloor(name, `${name}-1`), setSeats(`${name}-1`, n + 1), closeRoom(`${name}-1`)]);
    const plan = await planned([...each, setSeats(`${names[0]}-1`, 77)]);
    expect((await fixture.read(plan.proposalId)).planSummary).toMatchObject({ edits: { create: 666, modify: 0 } });
    for (const reviewer of [keeper1, keeper2, officer]) expectDone(await fixture.review(plan, reviewer));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await room(`${names[0]}-1`)).toMatchObject({ seats: 77, status: 'closed' });
    expect(await room(`${names[332]}-1`)).toMatchObject({ seats: 333, status: 'closed' });
    const back = { proposalId: plan.proposalId, justification: 'back', proposer: agent };
    const revert = expectDone(await fixture.inApi((tx) => createRevert(tx, back, fixture.deps)));
    const inverse = await simulated(fixture, revert.proposalId);
    for (const reviewer of [keeper1, keeper2, officer]) expectDone(await fixture.review(inverse, reviewer));
    expect(await execute(revert.proposalId)).toMatchObject({ status: 'executed' });
    expect(await hash()).toBe(before);
  });

  it('is invalid where one of its actions is, and says which', async () => {
    const plan = await planned([addFloor('G', 'G-1'), closeRoom('G-1'), closeRoom('G-1')]);
    expect(plan).toMatchObject({
      status: 'invalid',
      failure: { faults: [{ pointer: '/actions/2/criteria/0', message: 'action 3: The room is closed already.' }] },
    });
    expect(await room('G-1')).toBeNull();
  });

  it('goes stale with what any of its actions has read', async () => {
    await fixture.done('addFloor', addFloor('H', 'H-1', 'H-2').parameters);
    const id = await approved([setSeats('H-2', 3), closeRoom('H-1')]);
    await fixture.done('closeRoom', { room: 'H-1' });
    expect(await execute(id)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, id)).toMatchObject({ status: 'invalid' });
    expect(await room('H-2')).toMatchObject({ seats: 2 });
  });

  it('refuses what is no action, or has parameters that do not fit, and says where', async () => {
    expect(await propose([setSeats('x', 1), { actionType: 'nothing', parameters: {} }])).toMatchObject({
      refused: 'unknown_action_type',
      faults: [{ pointer: '/parameters/actions/1/actionType' }],
    });
    expect(await propose([setSeats('x', 1), { actionType: 'setSeats', parameters: { room: 'x', seats: 'many' } }])).toMatchObject({
      refused: 'invalid_parameters',
      faults: [{ pointer: '/parameters/actions/1/parameters/seats' }],
    });
    for (const name of ['setSeats+addFloor', 'setSeats+setSeats', '+', '++', Array.from({ length: 30 }, (_, i) => `a${i + 10}`).join('+')])
      expect(await fixture.propose(name, { actions: [] })).toMatchObject({ refused: 'unknown_action_type' });
    expect(await fixture.propose('gone+', { actions: [null] })).toMatchObject({ refused: 'unknown_action_type' });
    for (const actions of [null, 'x', {}, [null], ['x'], [[]], [{}]])
      expect(await fixture.propose('setSeats+', { actions } as JsonValue)).toMatchObject({
        refused: expect.stringMatching(/unknown_action_type|invalid_parameters/),
      });
    expect(await fixture.propose('setSeats+', { actions: [] })).toMatchObject({ refused: 'invalid_parameters' });
    expect(await fixture.propose('setSeats+', { actions: [addFloor('x') as unknown as JsonValue] })).toMatchObject({
      refused: 'invalid_parameters',
    });
  });
});

describe('what holds for one action holds for every set with it', () => {
  const operators = [caller('operator-1'), caller('operator-2')] as const;
  const turn = (state: 'on' | 'off') =>
    fixture.inApi((tx) => putSwitch(tx, { scope: 'actionType', name: 'setSeats', state, reason: 'smoke', by: operators[0] }, fixture.deps));

  it('a switch', async () => {
    const id = await approved(refit());
    expectDone(await turn('off'));
    expect(await propose(refit())).toMatchObject({
      refused: 'switched_off',
      faults: [{ message: 'the switch actionType/setSeats is off' }],
    });
    expect(await execute(id)).toMatchObject({ status: 'scheduled' });
    await expect(executePastTheGate(fixture, id)).rejects.toMatchObject({ code: 'XQ016' });
    const { proposed } = expectDone(await turn('on'));
    expect(await carriedOut(fixture, proposed?.proposalId ?? '', operators[1])).toMatchObject({ status: 'executed' });
    expect(await execute(id)).toMatchObject({ status: 'executed' });
  });

  it('a freeze window', async () => {
    const id = await approved(refit());
    const minute = 60_000;
    const [from, until] = [-1, 30].map((minutes) => new Date(Date.now() + minutes * minute).toISOString()) as [string, string];
    const window = { name: 'stocktaking', reason: 'counting', actionType: 'closeRoom', once: { from, until }, by: operators[0] };
    expectDone(await fixture.inApi((tx) => setFreezeWindow(tx, window, fixture.deps)));
    expect(await execute(id)).toMatchObject({ status: 'scheduled' });
    await expect(executePastTheGate(fixture, id)).rejects.toMatchObject({ code: 'XQ018' });
    await fixture.database.advanceClock(31 * minute);
    expect(await execute(id)).toMatchObject({ status: 'executed' });
  });

  it('a policy', async () => {
    const forbid = 'forbid (principal, action == Action::"propose", resource == ActionType::"closeRoom");';
    const policies = { all: 'permit (principal, action, resource);', none: forbid };
    const outcome = expectDone(
      await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps, { dryRun: false })),
    ) as { proposalId: string | null };
    if (outcome.proposalId !== null) await carriedOut(fixture, outcome.proposalId);
    expect(await propose(refit())).toMatchObject({ refused: 'policy_forbids' });
    expect(await propose([setSeats('H-1', 1)])).toMatchObject({ status: 'simulating' });
  });
});

describe('a change set by the database', () => {
  let other: Fixture;
  afterEach(() => other?.close());

  it('is void when one of its actions means something else, and stays when another does', async () => {
    other = await openFixture();
    const actions = [addFloor('A', 'A-1'), closeRoom('A-1')];
    const plan = await other.planned(nameOf(actions), { actions } as unknown as JsonValue);
    for (const reviewer of [keeper1, keeper2, officer]) await other.review(plan, reviewer);
    const run = () => executeProposal(other.worker, other.tenant, plan.proposalId, other.deps);
    const document = structuredClone(building);
    Object.assign(document.actionTypes.setSeats, { riskTier: 'high' });
    expectDone(await uploaded(other, document as unknown as JsonValue));
    expect((await other.read(plan.proposalId)).status).toBe('approved');
    Object.assign(document.actionTypes.closeRoom, { riskTier: 'high' });
    expectDone(await uploaded(other, document as unknown as JsonValue));
    await expect(executePastTheGate(other, plan.proposalId)).rejects.toMatchObject({ code: 'XQ017' });
    expect(await run()).toMatchObject({ status: 'simulating' });
    expect(await simulated(other, plan.proposalId)).toMatchObject({ status: 'awaiting_approval', revision: 2 });
  });

  it('is approved by fewer people by no stolen gate', async () => {
    other = await openFixture();
    const actions = [addFloor('A', 'A-1'), closeRoom('A-1')];
    const plan = await other.planned(nameOf(actions), { actions } as unknown as JsonValue);
    for (const reviewer of [keeper1, keeper2]) await other.review(plan, reviewer);
    await other.inWorker(async (tx) => {
      await tx.rows(`UPDATE exequatur.proposal p SET status = 'approved' WHERE p.id = $1::uuid`, [plan.proposalId]);
      tx.audit({ type: 'proposal.approved', proposalId: plan.proposalId, facts: { from: 'awaiting_approval', status: 'approved' } });
    });
    await expect(executePastTheGate(other, plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
  });

  it('is put together from what is stored alone', async () => {
    other = await openFixture();
    const combine = (name: string) =>
      other.inApi((tx) => tx.rows<{ version: number | null }>('SELECT exequatur.combine_actions($1) AS version', [name]));
    expect(await combine('addFloor+closeRoom')).toEqual([{ version: 1 }]);
    expect(await combine('addFloor+closeRoom')).toEqual([{ version: 1 }]);
    expect(await combine('addFloor+gone')).toEqual([{ version: null }]);
    await expect(combine('closeRoom+addFloor')).rejects.toMatchObject({ code: 'XQ006' });
    await expect(combine('addFloor')).rejects.toMatchObject({ code: 'XQ006' });
    await expect(combine('$switches+addFloor')).resolves.toEqual([{ version: null }]);
    const [row] = await other.inWorker((tx) =>
      tx.rows<{ floors: JsonValue }>(`SELECT v.floors FROM exequatur.action_type_version v WHERE v.name = 'addFloor+closeRoom'`),
    );
    expect(row?.floors).toEqual([{ approvals: 3, ceilings: {} }]);
  });
});
