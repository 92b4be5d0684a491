// Emergencies that act outside, whatever comes of them, and who may say what of them; on clones from tests/support/database.ts.
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { breakGlass } from '../../store/break-glass.ts';
import { listProposals } from '../../store/list-proposals.ts';
import { reviewEmergency } from '../../store/review-emergency.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { resolveActor } from '../../store/standing.ts';
import { caller, expectDone, simulated } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';

const onCall = caller('on-call-1', ['on-call']);
const chief = caller('chief-1', ['chief']);
const hour = 3_600_000;
let depot: Depot;

function urgent(url: string): OntologyDocument {
  const domain = parcelDomain(url, [bookCarrier, tellDepot]);
  const handOver = domain.actionTypes?.handOver;
  if (handOver === undefined) throw new Error('there is nothing to hand over');
  const thresholds = [{ needed: 2, reviewers: "'manager' in reviewer.roles" }];
  const rule = { roles: ['on-call'], approvals: 0, reviewWithin: 'PT1H', reviewers: "'chief' in reviewer.roles" };
  return {
    ...domain,
    actionTypes: { ...domain.actionTypes, handOver: { ...handOver, approvalPolicy: 'urgent' } },
    approvalPolicies: {
      ...domain.approvalPolicies,
      urgent: { stages: [{ name: 'm', thresholds }], expiresAfter: 'PT10H', breakGlass: rule },
    },
  };
}

beforeEach(async () => {
  depot = await openDepot([bookCarrier, tellDepot], undefined, [], urgent);
});
afterEach(() => depot.close());

/** Proposed, and its glass broken. */
async function emergency(): Promise<string> {
  const { fixture } = depot;
  const proposalId = await depot.handOver();
  const { planDigest } = await fixture.read(proposalId);
  expectDone(
    await fixture.inApi((tx) => breakGlass(tx, { proposalId, reason: 'fire', digest: planDigest ?? '', by: onCall }, fixture.deps)),
  );
  return proposalId;
}
const reviewed = (proposalId: string, by: Caller = chief) =>
  depot.fixture.inApi((tx) => reviewEmergency(tx, { proposalId, verdict: 'justified', comment: 'seen', by }, depot.fixture.deps));
async function owing(): Promise<string[]> {
  const { fixture } = depot;
  const actor = await fixture.inApi((tx) => resolveActor(tx, chief));
  const page = expectDone(await fixture.inApi((tx) => listProposals(tx, { needsReview: true }, actor, fixture.deps)));
  return page.proposals.map(({ id }) => id);
}
const settle = (proposalId: string) => settleProposal(depot.fixture.worker, depot.fixture.tenant, proposalId, depot.fixture.deps);
const events = (proposalId: string) =>
  depot.fixture.inApi(async (tx) =>
    (await tx.rows<{ type: string }>('SELECT o.type FROM exequatur.outbox o WHERE o.proposal_id = $1::uuid', [proposalId])).map(
      ({ type }) => type,
    ),
  );
async function relayed(): Promise<{ started: string[]; owed: unknown }> {
  const client = new pg.Client({ connectionString: depot.fixture.database.urls.relay });
  await client.connect();
  try {
    const started = await client.query<{ proposal_id: string }>('SELECT proposal_id FROM exequatur.unreviewed_emergencies(10)');
    const owed = await client.query('SELECT due::int, missed::int FROM exequatur.owed_reviews()');
    return { started: started.rows.map(({ proposal_id }) => proposal_id), owed: owed.rows[0] };
  } finally {
    await client.end();
  }
}

describe('an emergency that acted outside and came to nothing', () => {
  const refusesTheDepot = () => {
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
  };

  it('owes its review, which is told to be missing once it is, and may then still be given', async () => {
    refusesTheDepot();
    const proposalId = await emergency();
    expect(await relayed()).toEqual({ started: [], owed: { due: 0, missed: 0 } });
    expect(await depot.drive(proposalId)).toMatchObject({ status: 'failed', waitsFor: 'review' });
    expect(depot.carrier.done.map(({ method, path }) => `${method} ${path}`)).toContain('POST /bookings');
    expect(await owing()).toEqual([proposalId]);
    expect(await relayed()).toEqual({ started: [proposalId], owed: { due: 1, missed: 0 } });
    await depot.fixture.database.advanceClock(hour);
    expect(await settle(proposalId)).toMatchObject({ status: 'failed', waitMs: null });
    expect((await events(proposalId)).filter((type) => type === 'proposal.emergency_unreviewed')).toHaveLength(1);
    expect(await relayed()).toEqual({ started: [], owed: { due: 0, missed: 1 } });
    expectDone(await reviewed(proposalId));
    expect(await owing()).toEqual([]);
    expect(await reviewed(proposalId, caller('chief-2', ['chief']))).toMatchObject({ refused: 'no_review_owed' });
    expect((await depot.fixture.read(proposalId)).emergency).toMatchObject({ review: { reviewer: 'chief-1' } });
  });

  it('owes it while an operator is asked, too', async () => {
    depot.carrier.behaviour = ({ method, path }) => (method === 'DELETE' || path.endsWith('arrivals') ? { status: 409 } : undefined);
    const proposalId = await emergency();
    expect(await depot.drive(proposalId)).toMatchObject({ status: 'needs_attention', waitsFor: 'review' });
    expectDone(await reviewed(proposalId));
    expect(await settle(proposalId)).toMatchObject({ status: 'needs_attention' });
  });

  it('owes none before it has begun', async () => {
    const proposalId = await emergency();
    expect(await owing()).toEqual([]);
    expect(await reviewed(proposalId)).toMatchObject({ refused: 'no_review_owed' });
  });

  it('owes it of the plan that it then had, whatever plan it has since', async () => {
    const { fixture } = depot;
    const proposalId = await emergency();
    const { planDigest } = await fixture.read(proposalId);
    let weighed = false;
    const ended = await depot.drive(proposalId, async () => {
      if (weighed || depot.carrier.done.length === 0) return;
      weighed = true;
      await fixture.done('weigh', { parcel: 'P1', weight: 9 });
    });
    expect(ended).toMatchObject({ status: 'simulating' });
    expect(depot.carrier.done.map(({ method }) => method)).toContain('DELETE');
    const again = await simulated(fixture, proposalId);
    expect(again).toMatchObject({ status: 'awaiting_approval' });
    expect(again.digest).not.toBe(planDigest);
    expect(await owing()).toEqual([proposalId]);
    await fixture.database.advanceClock(10 * hour);
    expect(await settle(proposalId)).toMatchObject({ status: 'expired', waitsFor: 'review' });
    expect(await settle(proposalId)).toMatchObject({ status: 'expired', waitMs: null });
    expect(await relayed()).toEqual({ started: [], owed: { due: 0, missed: 1 } });
    expectDone(await reviewed(proposalId));
    expect(await relayed()).toEqual({ started: [], owed: { due: 0, missed: 0 } });
  });
});

describe('nobody who stands behind whoever did it says that it was right', () => {
  it('with the review of an emergency: who broke the glass, who acts for them, and whom they act for', async () => {
    const { fixture } = depot;
    const proposalId = await emergency();
    expect(await depot.drive(proposalId)).toMatchObject({ status: 'executed' });
    expect(await reviewed(proposalId, caller('chief-9', ['chief'], { actsFor: 'on-call-1' }))).toMatchObject({ refused: 'own_emergency' });
    await fixture.inApi((tx) => resolveActor(tx, { ...onCall, actsFor: 'chief-8' }));
    expect(await reviewed(proposalId, caller('chief-8', ['chief']))).toMatchObject({ refused: 'own_emergency' });
    expectDone(await reviewed(proposalId));
  });

  it('with what is to become of their execution: who acts for who proposed it, by the very first token that says so', async () => {
    const { fixture } = depot;
    depot.carrier.behaviour = ({ method, path }) => (method === 'DELETE' || path.endsWith('arrivals') ? { status: 409 } : undefined);
    const proposalId = await emergency();
    expect(await depot.drive(proposalId)).toMatchObject({ status: 'needs_attention' });
    const resolve = (by: Caller) =>
      fixture.inApi((tx) => resolveAsAsked(tx, { proposalId, choice: 'skip', reason: 'seen to', by }, fixture.deps));
    expect(await resolve(caller('operator-9', ['operator'], { actsFor: 'clerk-1' }))).toMatchObject({ refused: 'own_execution' });
    expectDone(await resolve(caller('operator-1')));
  });
});
