// Every kind of rule and parameter, proposed, approved, executed and taken back through PostgreSQL, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { getObject } from '../../store/read-object.ts';
import { readPlan } from '../../store/read-plan.ts';
import { simulateAction } from '../../store/simulate-action.ts';
import { stateHash } from '../../store/state-hash.ts';
import motorPool from '../fixtures/motor-pool.json' with { type: 'json' };
import { agent, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
const truck = (id: string) => ({ type: 'truck', id });
const barge = (id: string) => ({ type: 'barge', id });
const hash = () => fixture.inApi((tx) => stateHash(tx));
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const getObjectOf = async (type: string, id: string) => expectDone(await fixture.inApi((tx) => getObject(tx, type, id)));

async function takeBack(proposalId: string): Promise<void> {
  const request = { proposalId, justification: 'take it back', proposer: agent };
  const inverse = expectDone(await fixture.inApi((tx) => createRevert(tx, request, fixture.deps)));
  const settled = await simulated(fixture, inverse.proposalId);
  if (settled.status === 'awaiting_approval') await fixture.review(settled, keeper1);
  expect(await execute(inverse.proposalId)).toMatchObject({ status: 'executed' });
}

beforeAll(async () => {
  fixture = await openFixture(motorPool);
  await fixture.done('set-up', {
    regions: [
      { region: 'north', depot: 'N1' },
      { region: 'south', depot: 'S1' },
    ],
    drivers: ['d1', 'd2'],
  });
  await fixture.done('register', { kind: 'truck', plates: ['T1', 'T2', 'T3'], depot: 'N1' });
  await fixture.done('register', { kind: 'barge', plates: ['B1'], depot: 'S1' });
});
afterAll(() => fixture.close());

describe('every kind of rule and parameter', () => {
  const steps: [string, string, object][] = [
    ['creates and changes in one action', 'register', { kind: 'truck', plates: ['T1', 'T9'], depot: 'S1' }],
    ['creates an object of an interface without a key', 'register', { kind: 'barge', plates: ['B9'], depot: 'N1' }],
    ['links an object of an interface', 'assign', { driver: 'd1', vehicle: truck('T1') }],
    ['links another', 'assign', { driver: 'd1', vehicle: truck('T2') }],
    ['walks three links', 'alert', { region: 'north', text: 'snow' }],
    ['fills a parameter in', 'move', { vehicle: truck('T2'), urgent: true, reason: 'storm' }],
    ['takes a null that is given', 'move', { vehicle: truck('T3'), to: 'S1', remark: null }],
    ['moves an object of another type', 'move', { vehicle: barge('B1'), to: 'N1', remark: 'slow' }],
    ['changes a list of objects of an interface', 'service', { vehicles: [truck('T1'), barge('B1')] }],
    ['queries all types that implement one', 'scrap', { beyond: 1 }],
    ['deletes some of what it queries, and changes the rest', 'scrap', { beyond: 0 }],
    [
      'deletes the members of a set',
      'retire',
      { trucks: { filter: "plate == 'T9' || plate == 'T3'" }, spare: { filter: "plate == 'T2'" } },
    ],
  ];

  it('is executed as it was approved, and taken back to the byte, one after another', async () => {
    const done: { proposalId: string; before: string }[] = [];
    for (const [what, action, parameters] of steps) {
      const before = await hash();
      const plan = await fixture.planned(action, parameters as never);
      expect(plan.failure, what).toBeNull();
      if (plan.status === 'awaiting_approval') await fixture.review(plan, keeper1);
      const settled = await execute(plan.proposalId);
      expect(settled, what).toMatchObject({ status: 'executed' });
      expect(settled?.edits, what).toBeGreaterThan(0);
      done.push({ proposalId: plan.proposalId, before });
    }
    for (const { proposalId, before } of done.reverse()) {
      await takeBack(proposalId);
      expect(await hash()).toBe(before);
    }
  });
});

describe('createOrModify', () => {
  it('changes what somebody else created meanwhile', async () => {
    const plan = await fixture.planned('register', { kind: 'truck', plates: ['C1'], depot: 'N1' });
    await fixture.done('register', { kind: 'truck', plates: ['C1'], depot: 'S1' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'approved', edits: 1 });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
    expect(await getObjectOf('truck', 'C1')).toMatchObject({ version: 2, properties: { depot: 'N1' } });
  });
});

describe('an object set', () => {
  it('is fixed in the plan and shown with it; an object that the filter would select now makes the plan stale', async () => {
    const parameters = { trucks: { filter: "plate.startsWith('X')" } };
    await fixture.done('register', { kind: 'truck', plates: ['X1'], depot: 'N1' });
    const dry = await simulateAction(fixture.api, fixture.tenant, { actionType: 'retire', parameters, proposer: agent }, fixture.deps);
    expect(dry).toMatchObject({ planSummary: { objectSets: { trucks: { count: 1, ids: ['X1'] } } } });
    const plan = await fixture.planned('retire', parameters);
    expect(await fixture.inApi((tx) => readPlan(tx, plan.proposalId))).toMatchObject({
      summary: { objectSets: { trucks: { count: 1, ids: ['X1'] } } },
    });
    await fixture.review(plan, keeper1);
    await fixture.done('register', { kind: 'truck', plates: ['X2'], depot: 'N1' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    const again = await simulated(fixture, plan.proposalId);
    expect(again).toMatchObject({ status: 'awaiting_approval', edits: 2 });
    await fixture.review(again, keeper1);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed', edits: 2 });
  });

  it('with a filter that cannot be asked is refused before anything is stored', async () => {
    expect(await fixture.propose('retire', { trucks: { filter: 'size(plate) > 1' } })).toMatchObject({
      refused: 'invalid_parameters',
      faults: [{ pointer: '/parameters/trucks/filter' }],
    });
  });
});

describe('a constraint', () => {
  it('makes the proposal invalid with the author’s words, at once or when what it read has changed', async () => {
    const move = { vehicle: truck('T1') };
    const plan = await fixture.planned('move', { ...move, remark: 'x' });
    expect(plan.status).toBe('awaiting_approval');
    await fixture.review(plan, keeper1);
    await fixture.done('move', { ...move, urgent: true });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'invalid', failure: { code: 'constraint_failed' } });
    expect(await fixture.planned('move', move)).toMatchObject({
      status: 'invalid',
      failure: { code: 'constraint_failed', faults: [{ pointer: '/parameters/vehicle', message: 'Only what is ready can be moved.' }] },
    });
    expect(await getObjectOf('truck', 'T1')).toMatchObject({ properties: { state: 'away' } });
  });

  it('that speaks of time is asked again before the execution', async () => {
    const minuteMs = 60_000;
    const [row] = await fixture.inApi((tx) => tx.rows<{ now: Date }>('SELECT exequatur.clock() AS now'));
    await fixture.done('close', { depot: 'S1', at: new Date((row?.now.getTime() ?? 0) + 10 * minuteMs).toISOString() });
    const plan = await fixture.planned('move', { vehicle: barge('B1'), remark: 'soon' }); // To where it is, which is filled in.
    await fixture.review(plan, keeper1);
    await fixture.database.advanceClock(11 * minuteMs);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({
      status: 'invalid',
      failure: { code: 'constraint_failed', faults: [{ pointer: '/parameters/to', message: 'The depot is closed.' }] },
    });
  });
});
