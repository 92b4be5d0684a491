// What becomes of an approved proposal whose proposer may no longer propose it, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import type { PrincipalChange } from '../../ontology/standing-loosens.ts';
import { changePrincipal } from '../../store/change-principal.ts';
import { createRevert } from '../../store/create-revert.ts';
import { doorRefusalOf } from '../../store/door-refusals.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { readDecisions } from '../../store/read-decisions.ts';
import { recordReview } from '../../store/record-review.ts';
import { reviseProposal } from '../../store/revise-proposal.ts';
import type { Settled } from '../../store/settle.ts';
import { resolveActor } from '../../store/standing.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import { agent, building, caller, expectDone, type Fixture, keeper1, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
const access = caller('access-admin-1');
const say = async (id: string, change: PrincipalChange) => {
  const outcome = expectDone(await fixture.inApi((tx) => changePrincipal(tx, { id, change, by: access }, fixture.deps)));
  expect(outcome.proposed).toBeNull();
};
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const document: JsonValue = {
  ...building,
  actionTypes: {
    ...building.actionTypes,
    setSeats: { ...building.actionTypes.setSeats, proposers: "'dispatcher' in proposer.roles" },
    askFloor: { ...building.actionTypes.askFloor, proposers: "'dispatcher' in proposer.roles || proposer.kind == 'agent'" },
  },
};
let seats = 100;
const seated = (proposer: Caller) => fixture.planned('setSeats', { room: 'R1', seats: ++seats }, proposer);
let persons = 0;
/** Somebody of whom the directory has learnt. */
async function dispatcher(...more: string[]): Promise<Caller> {
  const one = caller(`dispatcher-${++persons}`, ['dispatcher', ...more]);
  await fixture.inApi((tx) => resolveActor(tx, one));
  return one;
}

beforeAll(async () => {
  fixture = await openFixture(document);
  await fixture.inApi((tx) => resolveActor(tx, access));
  await fixture.done('addFloor', { name: 'G', rooms: [{ code: 'R1', seats: 9 }] });
});
afterAll(() => fixture.close());

describe('what policy alone approved', () => {
  it('runs while its proposer may propose it', async () => {
    expect(await execute((await seated(await dispatcher())).proposalId)).toMatchObject({ status: 'executed' });
  });

  it.each<[string, string[], PrincipalChange, string]>([
    ['every role', [], { roles: [] }, 'forbidden'],
    ['the role that it takes to propose it', ['keeper'], { roles: ['keeper'] }, 'proposer_not_allowed'],
  ])('is asked of people once its proposer has lost %s, and they may approve it', async (_, more, change, reason) => {
    const by = await dispatcher(...more);
    const plan = await seated(by);
    expect(plan).toMatchObject({ status: 'approved' });
    await say(by.id, change);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    const asked = await simulated(fixture, plan.proposalId);
    expect(asked).toMatchObject({ status: 'awaiting_approval', missing: '1 more approval for keepers' });
    const { decisions } = expectDone(await fixture.inApi((tx) => readDecisions(tx, plan.proposalId, fixture.deps)));
    expect(decisions).toContainEqual(expect.objectContaining({ actor: by.id, action: 'execute', outcome: 'refused', reason }));
    expectDone(await fixture.review(asked, keeper1));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('takes an execution back only for who may propose it, too', async () => {
    const by = await dispatcher();
    const plan = await seated(by);
    await execute(plan.proposalId);
    const revert = expectDone(
      await fixture.inApi((tx) => createRevert(tx, { proposalId: plan.proposalId, justification: 'no', proposer: by }, fixture.deps)),
    );
    expect(await simulated(fixture, revert.proposalId)).toMatchObject({ status: 'approved' });
    await say(by.id, { roles: [] });
    expect(await execute(revert.proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, revert.proposalId)).toMatchObject({ status: 'awaiting_approval' });
  });

  it('passes no door whose proposer has no role, whatever the gate says', async () => {
    const by = await dispatcher();
    const plan = await seated(by);
    await say(by.id, { roles: [] });
    const attempt = executePastTheGate(fixture, plan.proposalId);
    expect(await attempt.then(() => 'executed', doorRefusalOf)).toBe('approvals_missing');
  });
});

describe('what people approved', () => {
  it('runs by their word, also once its proposer has lost every role', async () => {
    const by = await dispatcher('agent');
    const plan = await fixture.planned('askFloor', { name: 'F1' }, by);
    expectDone(await fixture.review(plan, keeper1));
    await say(by.id, { roles: [] });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('does not run once its proposer is disabled', async () => {
    const plan = await fixture.planned('askFloor', { name: 'F2' }, agent);
    expectDone(await fixture.review(plan, keeper1));
    await say(agent.id, { disabled: true });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'scheduled' });
  });
});

it('who may no longer propose it does not revise it either', async () => {
  const by = await dispatcher('agent');
  const plan = await fixture.planned('askFloor', { name: 'F3' }, by);
  const { proposalId } = plan;
  const sendBack = async (settled: Settled | null) => {
    const reason = 'another name';
    const asked = { proposalId, decision: 'request_changes' as const, digest: settled?.digest ?? '', reason, reviewer: keeper1 };
    expectDone(await fixture.inApi((tx) => recordReview(tx, asked, fixture.deps)));
  };
  const revise = (name: string) => fixture.inApi((tx) => reviseProposal(tx, { proposalId, parameters: { name }, by }, fixture.deps));
  await sendBack(plan);
  expectDone(await revise('F4'));
  await sendBack(await simulated(fixture, proposalId));
  await say(by.id, { roles: ['agent'] });
  expect(await revise('F5')).toMatchObject({ refused: 'proposer_not_allowed' });
});
