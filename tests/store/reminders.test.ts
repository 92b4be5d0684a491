// Reminders and escalations of proposals that wait; on a clone from tests/support/database.ts, whose clock is moved.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import type { Policies } from '../../ontology/policy-engine.ts';
import { cedar } from '../../policy/cedar.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { lockProposal } from '../../store/proposal-row.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { transition } from '../../store/transition.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { executePastTheGate } from './execute-past-the-gate.ts';
import {
  admin,
  building,
  caller,
  expectDone,
  type Fixture,
  keeper1,
  keeper2,
  officer,
  openFixture,
  shareDatabase,
  simulated,
} from './fixture.ts';
import { carriedOut, uploaded } from './govern.ts';

const minute = 60_000;
const chief = caller('chief-1');
const isChief = "'chief' in reviewer.roles";

function prompting(policy: object): typeof building {
  const document = structuredClone(building);
  Object.assign(document.approvalPolicies['two-stage'], policy);
  return document;
}

shareDatabase();
let fixture: Fixture;
beforeEach(async () => {
  const escalate = { after: 'PT25M', to: ['chief'], reviewers: { keepers: isChief } };
  fixture = await openFixture(prompting({ remind: { after: 'PT10M', every: 'PT10M' }, escalate }) as unknown as JsonValue);
  for (const person of [keeper1, keeper2, officer, chief])
    await fixture.read((await fixture.planned('askFloor', { name: person.id })).proposalId, person);
});
afterEach(async () => {
  // What all this left in the log is judged again by whoever has nothing else.
  expect(await verifyLog(fixture.database, fixture.tenant)).toMatch(/^whole .*"unjudged":0/);
  await fixture.close();
});

const planned = (name: string) => fixture.planned('askFloorTwice', { name });
const settle = (proposalId: string) => settleProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
const later = (minutes: number) => fixture.database.advanceClock(minutes * minute);

interface Sent {
  type: string;
  data: { number: number; reviewers: string[]; missing: string; planDigest: string; to?: string[] };
  audited: boolean;
}

const sent = (proposalId: string): Promise<Sent[]> =>
  fixture.inApi((tx) =>
    tx.rows<Sent>(
      `SELECT o.type, o.data, EXISTS (SELECT FROM exequatur.audit_entry e WHERE e.id = o.audit_entry_id AND e.type = o.type AND e.proposal_id = o.proposal_id) AS audited
         FROM exequatur.outbox o WHERE o.proposal_id = $1::uuid AND o.type IN ('proposal.reminded', 'proposal.escalated') ORDER BY o.created_at`,
      [proposalId],
    ),
  );
const numbers = async (proposalId: string) => (await sent(proposalId)).map(({ type, data }) => `${type} ${data.number}`);

describe('a reminder', () => {
  it('is one event and one audit entry that names who may still review, however often and at once it is asked for', async () => {
    const { proposalId, waitMs, waitsFor } = await planned('A');
    expect(waitsFor).toBe('reminder');
    expect(waitMs).toBeLessThanOrEqual(10 * minute);
    expect(await settle(proposalId)).toMatchObject({ waitsFor: 'reminder' });
    expect(await sent(proposalId)).toEqual([]);
    await later(10);
    const settled = await Promise.all(Array.from({ length: 4 }, () => settle(proposalId)));
    expect(settled.every((state) => state?.waitsFor === 'reminder' && (state.waitMs ?? 0) > 9 * minute)).toBe(true);
    expect(await sent(proposalId)).toMatchObject([
      {
        type: 'proposal.reminded',
        audited: true,
        data: { number: 1, missing: expect.stringContaining('keepers'), reviewers: ['keeper-1', 'keeper-2'] },
      },
    ]);
  });

  it('is worked out while reviews go on, and names nobody whom the policies in force forbid to review', async () => {
    const plan = await planned('A');
    const policies = {
      all: 'permit (principal, action, resource);',
      not1: 'forbid (principal, action == Action::"review", resource) when { principal.id == "keeper-1" };',
    };
    const upload = expectDone(await fixture.inApi((tx) => putPolicies(tx, { policies, cases: [] }, admin, fixture.deps)));
    await carriedOut(fixture, upload.proposalId ?? '');
    const lockedByNobody: string[] = [];
    const watched: Policies = {
      ...cedar,
      engine: {
        async decide(set, request) {
          const rows = await fixture.inWorker((tx) =>
            tx.rows('SELECT 1 FROM exequatur.proposal p WHERE p.id = $1::uuid FOR UPDATE NOWAIT', [plan.proposalId]),
          );
          if (rows.length === 1 && request.action === 'review') lockedByNobody.push(request.principal.id);
          return cedar.engine.decide(set, request);
        },
      },
    };
    await later(10);
    await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, { ...fixture.deps, policies: new PolicySets(watched) });
    expect(lockedByNobody).toEqual(['keeper-1', 'keeper-2']);
    expect((await sent(plan.proposalId)).map(({ data }) => data.reviewers)).toEqual([['keeper-2']]);
  });

  it('names whom the open stage asks by then', async () => {
    const plan = await planned('B');
    expectDone(await fixture.review(plan, keeper1));
    await later(10);
    await settle(plan.proposalId);
    expect((await sent(plan.proposalId)).map(({ data }) => data.reviewers)).toEqual([['officer-1']]);
  });

  it('that nobody was there to send is not made up for: the newest alone is sent', async () => {
    const { proposalId } = await planned('C');
    await later(24);
    await settle(proposalId);
    expect(await numbers(proposalId)).toEqual(['proposal.reminded 2']);
  });

  it('stops with the wait', async () => {
    const plan = await planned('D');
    for (const reviewer of [keeper1, officer]) expectDone(await fixture.review(plan, reviewer));
    await later(10);
    expect(await settle(plan.proposalId)).toMatchObject({ status: 'approved', waitMs: null });
    expect(await sent(plan.proposalId)).toEqual([]);
  });

  it('does not outlive the proposal', async () => {
    const { proposalId } = await planned('E');
    await later(61);
    expect(await settle(proposalId)).toMatchObject({ status: 'expired' });
    expect(await sent(proposalId)).toEqual([]);
  });

  it('is counted anew for another plan, and goes on for an equal one', async () => {
    await fixture.done('addFloor', { name: 'F', rooms: [{ code: 'R', seats: 4 }] });
    const plan = await fixture.planned('closeRoom', { room: 'R' });
    const simulateAgain = async () => {
      await fixture.inWorker(async (tx) => {
        const proposal = await lockProposal(tx, plan.proposalId);
        if (proposal !== null) transition(tx, proposal, { to: 'simulating', reason: 'stale_plan' });
      });
      return simulated(fixture, plan.proposalId);
    };
    await later(5);
    expect((await simulateAgain()).digest).toBe(plan.digest);
    await later(6);
    await settle(plan.proposalId);
    expect(await numbers(plan.proposalId)).toEqual(['proposal.reminded 1']);
    expectDone(await uploaded(fixture, prompting({ remind: { after: 'PT10M' }, title: 'x' }) as unknown as JsonValue));
    const other = await simulateAgain();
    expect(other.digest).not.toBe(plan.digest);
    await later(9);
    await settle(plan.proposalId);
    expect(await numbers(plan.proposalId)).toEqual(['proposal.reminded 1']);
    await later(1);
    expect(await settle(plan.proposalId)).not.toHaveProperty('waitsFor');
    expect((await sent(plan.proposalId)).map(({ data }) => data.planDigest)).toEqual([plan.digest, other.digest]);
  });
});

describe('an escalation', () => {
  it('tells the roles it names, once, and lets those whom it adds review from then on', async () => {
    const plan = await planned('A');
    expect(await fixture.review(plan, chief)).toMatchObject({ refused: 'not_eligible' });
    await later(25);
    await Promise.all([settle(plan.proposalId), settle(plan.proposalId)]);
    expect(await sent(plan.proposalId)).toMatchObject([
      { type: 'proposal.escalated', audited: true, data: { number: 1, to: ['chief'], reviewers: ['chief-1', 'keeper-1', 'keeper-2'] } },
      { type: 'proposal.reminded', data: { number: 2, reviewers: ['chief-1', 'keeper-1', 'keeper-2'] } },
    ]);
    expect((await fixture.read(plan.proposalId, chief)).approval).toMatchObject({ escalated: true });
    expectDone(await fixture.review(plan, chief));
    expect(await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({
      status: 'awaiting_approval',
      missing: '1 more approval for safety',
    });
    expectDone(await fixture.review(plan, officer));
    expect(await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({ status: 'executed' });
  });

  it('takes nothing from how many people are asked, at the gate and in the database', async () => {
    const plan = await planned('B');
    await later(25);
    await settle(plan.proposalId);
    expectDone(await fixture.review(plan, chief));
    expect(await fixture.review(plan, chief)).toMatchObject({ refused: 'already_decided' });
    await expect(forcedApproval(plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
    expectDone(await fixture.review(plan, officer));
    await executePastTheGate(fixture, plan.proposalId);
    expect((await fixture.read(plan.proposalId)).status).toBe('executed');
  });

  it('is void with the plan: a tightened policy asks its own people for the next one', async () => {
    const plan = await planned('C');
    await later(25);
    await settle(plan.proposalId);
    expectDone(await fixture.review(plan, chief));
    const stages = [
      { name: 'keepers', thresholds: [{ needed: 2, reviewers: "'keeper' in reviewer.roles" }] },
      { name: 'safety', thresholds: [{ needed: 1, reviewers: "'officer' in reviewer.roles" }] },
    ];
    const tightened = prompting({ stages, escalate: { after: 'PT30M', reviewers: { keepers: isChief } } }) as unknown as JsonValue;
    expectDone(await uploaded(fixture, tightened));
    await fixture.review(plan, officer);
    const next = await simulated(fixture, plan.proposalId);
    expect(next.digest).not.toBe(plan.digest);
    expect(await fixture.review(next, chief)).toMatchObject({ refused: 'not_eligible' });
    expectDone(await fixture.review(next, keeper1));
    await later(30);
    await settle(plan.proposalId);
    expectDone(await fixture.review(next, chief));
    await expect(forcedApproval(plan.proposalId)).rejects.toMatchObject({ code: 'XQ002' });
    expectDone(await fixture.review(next, officer));
    expect(await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({ status: 'executed' });
  });
});

/** As a worker that thinks that it has seen enough approvals. */
async function forcedApproval(proposalId: string): Promise<void> {
  await fixture.inWorker(async (tx) => {
    const proposal = await lockProposal(tx, proposalId);
    if (proposal !== null) transition(tx, proposal, { to: 'approved' });
  });
  await executePastTheGate(fixture, proposalId).finally(() =>
    fixture.inWorker(async (tx) => {
      const proposal = await lockProposal(tx, proposalId);
      if (proposal?.status === 'approved') transition(tx, proposal, { to: 'awaiting_approval' });
    }),
  );
}
