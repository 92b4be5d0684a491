// Proposals that wait while their action type is defined anew, with clones from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { Settled } from '../../store/settle.ts';
import { building, expectDone, type Fixture, keeper1, officer, openFixture, shareDatabase, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

shareDatabase();
let fixture: Fixture;
let document: typeof building;
beforeEach(async () => {
  fixture = await openFixture();
  document = structuredClone(building);
});
afterEach(() => fixture.close());

/** Uploads the document with one more change. */
async function upload(change: (document: typeof building) => void) {
  change(document);
  return expectDone(await uploaded(fixture, document as unknown as JsonValue));
}
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const approved = async (): Promise<Settled> => {
  const plan = await fixture.planned('askFloor', { name: 'F1' });
  expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { status: 'approved' } });
  return plan;
};
/** What the next look makes of an approved plan. */
const lookedAt = async (plan: Settled) => {
  expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
  return simulated(fixture, plan.proposalId);
};
const strict = { approvalPolicy: 'two-stage' };
const kept = { whenRedefined: 'keepVersion' };

describe('a definition that keeps what waits on its version', () => {
  it('lets it be approved and executed as it was proposed, and stricter ones hold for what is proposed now', async () => {
    const waiting = await fixture.planned('askFloor', { name: 'F1' });
    const outcome = await upload((d) => Object.assign(d.actionTypes.askFloor, strict, kept));
    expect(outcome.redefined).toEqual([{ name: 'askFloor', from: 1, to: 2, waiting: { simulatedAgain: 0, kept: 1, ended: 0 } }]);
    expect(await fixture.review(waiting, keeper1)).toMatchObject({ settled: { status: 'approved' } });
    expect(await execute(waiting.proposalId)).toMatchObject({ status: 'executed', revision: 1 });
    const fresh = await fixture.planned('askFloor', { name: 'F2' });
    expect(await fixture.review(fresh, keeper1)).toMatchObject({ settled: { status: 'awaiting_approval' } });
  });

  it('simulates it again under its own version when the data has moved', async () => {
    const { proposalId } = await approved();
    await upload((d) => Object.assign(d.actionTypes.askFloor, strict, kept));
    await fixture.done('addFloor', { name: 'F1', rooms: [] });
    expect(await execute(proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, proposalId)).toMatchObject({ status: 'invalid', revision: 1, failure: { code: 'object_exists' } });
  });

  it('simulates it again under the new version when a type that it touches means something else', async () => {
    const plan = await approved();
    await upload((d) => {
      Object.assign(d.actionTypes.askFloor, kept);
      Object.assign(d.objectTypes.floor.properties.name, { maxLength: 50 });
    });
    expect(await lookedAt(plan)).toMatchObject({ status: 'awaiting_approval', revision: 2 });
  });

  it('does so too when the type asks for more approvals', async () => {
    const plan = await approved();
    await upload((d) => {
      Object.assign(d.objectTypes.floor, { minimumApprovals: 2 });
      for (const name of ['addFloor', 'askFloor', 'askFloorTwice'] as const) Object.assign(d.actionTypes[name], strict, kept);
    });
    expect(await lookedAt(plan)).toMatchObject({ status: 'awaiting_approval', revision: 2 });
  });

  it('does not bring back a version that one in between had put out of force', async () => {
    const plan = await approved();
    await upload((d) => Object.assign(d.actionTypes.askFloor, strict));
    await upload((d) => Object.assign(d.actionTypes.askFloor, kept));
    expect(await lookedAt(plan)).toMatchObject({ status: 'awaiting_approval', revision: 2 });
    expect(await fixture.read(plan.proposalId)).toMatchObject({ actionType: { version: 3 } });
  });

  it('keeps nothing once the action type is gone', async () => {
    const plan = await approved();
    await upload((d) => Object.assign(d.actionTypes.askFloor, kept, strict));
    const outcome = await upload((d) => Reflect.deleteProperty(d.actionTypes, 'askFloor'));
    expect(outcome.redefined).toEqual([{ name: 'askFloor', from: 2, to: null, waiting: { simulatedAgain: 0, kept: 0, ended: 1 } }]);
    expect(await lookedAt(plan)).toMatchObject({ status: 'invalid', failure: { code: 'action_type_superseded' } });
  });
});

describe('a proposal that is simulated again under another version', () => {
  it('has the parameters that were proposed, and the new defaults for those that were not given', async () => {
    const plan = await approved();
    await upload((d) => Object.assign(d.actionTypes.askFloor.parameters, { reason: { type: 'string', required: true, default: 'none' } }));
    expect(await lookedAt(plan)).toMatchObject({ status: 'awaiting_approval', revision: 2 });
    expect(await fixture.read(plan.proposalId)).toMatchObject({ parameters: { name: 'F1', reason: 'none' }, actionType: { version: 2 } });
  });

  it('is invalid, with the faults, where its parameters no longer fit', async () => {
    const plan = await approved();
    await upload((d) => Object.assign(d.actionTypes.askFloor.parameters, { reason: { type: 'string', required: true } }));
    expect(await lookedAt(plan)).toMatchObject({
      status: 'invalid',
      revision: 1,
      failure: { code: 'invalid_parameters', faults: [{ pointer: '/parameters/reason', message: 'is required' }] },
    });
  });

  it('is invalid where the new definition does not admit its proposer', async () => {
    const plan = await approved();
    await upload((d) => Object.assign(d.actionTypes.askFloor, { proposers: "'keeper' in proposer.roles" }));
    expect(await lookedAt(plan)).toMatchObject({ status: 'invalid', failure: { code: 'proposer_not_allowed' } });
  });

  it('is raised once when two workers look at the same instant, and once more by the next upload', async () => {
    const plan = await approved();
    await upload((d) => Object.assign(d.actionTypes.askFloor, strict));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'simulating' });
    const both = await Promise.all([simulated(fixture, plan.proposalId), simulated(fixture, plan.proposalId)]);
    for (const one of both) expect(one).toMatchObject({ status: 'awaiting_approval', revision: 2, digest: both[0].digest });
    const raised = await fixture.inApi((tx) =>
      tx.rows(
        `SELECT data ->> 'actionTypeVersion' AS version, data ->> 'previousDigest' AS digest, data ->> 'voidedApprovals' AS voided FROM exequatur.outbox WHERE type = 'proposal.raised'`,
      ),
    );
    expect(raised).toEqual([{ version: '2', digest: plan.digest, voided: '1' }]);
    await upload((d) => Object.assign(d.actionTypes.askFloor, { riskTier: 'high' }));
    expect(await fixture.review(both[0], officer)).toMatchObject({ refused: 'not_eligible' });
    expect(await fixture.review(both[0], keeper1)).toMatchObject({ refused: 'stale_plan' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'awaiting_approval', revision: 3, riskTier: 'high' });
  });
});

describe('the worker’s login', () => {
  const raise = (proposalId: string, parameters: unknown) =>
    fixture.inWorker(async (tx) => {
      const rows = await tx.rows<{ raised: number | null }>('SELECT exequatur.raise_proposal($1::uuid, $2) AS raised', [
        proposalId,
        JSON.stringify(parameters),
      ]);
      const revision = rows[0]?.raised;
      if (typeof revision === 'number') tx.audit({ type: 'proposal.raised', proposalId, facts: { revision } });
      return rows;
    });

  it('raises nothing but what is being simulated, and only where another version is in force', async () => {
    const plan = await approved();
    await expect(raise(plan.proposalId, { name: 'F1' })).rejects.toMatchObject({ code: 'XQ006' });
    const simulating = expectDone(await fixture.propose('askFloor', { name: 'F2' }));
    await expect(raise(simulating.proposalId, { name: 'F2' })).rejects.toMatchObject({ code: 'XQ006' });
    await upload((d) => Object.assign(d.actionTypes.askFloor, strict));
    await expect(raise(plan.proposalId, { name: 'F1' })).rejects.toMatchObject({ code: 'XQ006' });
    expect(await raise(simulating.proposalId, { name: 'F2' })).toEqual([{ raised: 2 }]);
  });

  it('chooses no parameters', async () => {
    const { proposalId } = expectDone(await fixture.propose('askFloor', { name: 'F1' }));
    await upload((d) =>
      Object.assign(d.actionTypes.askFloor.parameters, { reason: { type: 'string', default: 'none' }, note: { type: 'string' } }),
    );
    for (const parameters of [{ name: 'F9' }, {}, { name: 'F1', reason: 'another' }, { name: 'F1', note: 'x' }, ['F1']])
      expect(await raise(proposalId, parameters)).toEqual([{ raised: null }]);
    expect(await raise(proposalId, { name: 'F1', reason: 'none' })).toEqual([{ raised: 2 }]);
  });

  it('and no other, may call the door for it', async () => {
    const { proposalId } = expectDone(await fixture.propose('askFloor', { name: 'F1' }));
    const call = fixture.inApi((tx) => tx.rows('SELECT exequatur.raise_proposal($1::uuid, $2)', [proposalId, '{}']));
    await expect(call).rejects.toMatchObject({ code: '42501' });
  });
});
