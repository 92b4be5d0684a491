import { afterEach, describe, expect, it } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import type { Settled } from '../../store/settle.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { expectDone, shareDatabase, simulated } from '../store/fixture.ts';
import { uploaded } from '../store/govern.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';

shareDatabase();
let depot: Depot;
afterEach(async () => {
  if (depot !== undefined) expect(await verifyLog(depot.fixture.database, depot.fixture.tenant)).toMatch(/^whole .*"unjudged":0/);
  await depot?.close();
});

async function reverted(proposalId: string, conflicts?: 'skip'): Promise<Settled> {
  const request = { proposalId, justification: 'a mistake', proposer: clerk, ...(conflicts ? { conflicts } : {}) };
  const proposed = expectDone(await depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps)));
  const plan = await simulated(depot.fixture, proposed.proposalId);
  return plan.status === 'invalid' ? plan : depot.drive(proposed.proposalId);
}

const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
const before = { code: 'P1', status: 'here', weight: 7 };

describe('what others changed since', () => {
  async function changedSince(conflicts?: 'skip'): Promise<{ original: string; revert: Settled }> {
    depot = await openDepot([bookCarrier]);
    const first = await depot.drive(await depot.handOver());
    await depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' });
    return { original: first.proposalId, revert: await reverted(first.proposalId, conflicts) };
  }

  it('makes a revert invalid, property by property', async () => {
    const { revert } = await changedSince();
    expect(revert).toMatchObject({
      status: 'invalid',
      failure: { code: 'revert_conflict', faults: [{ objects: [{ type: 'parcel', id: 'P1', property: 'depot' }] }] },
    });
  });

  it('is left as it is where the proposer says so, and shown as that', async () => {
    const { original, revert } = await changedSince('skip');
    expect(revert.status).toBe('executed');
    expect(await depot.parcel()).toEqual({ ...before, depot: 'south' });
    expect((await depot.fixture.read(revert.proposalId)).planSummary).toMatchObject({
      edits: { modify: 1 },
      skipped: { count: 1, objects: [{ type: 'parcel', id: 'P1', property: 'depot' }] },
    });
    expect(await depot.fixture.read(original)).toMatchObject({ reverted: 'partial', revertedBy: revert.proposalId });
  });
});

describe('a pattern that was narrowed since', () => {
  /** Depots north and south, and then one whose pattern only south matches. */
  const relabelled = async () => {
    depot = await openDepot([bookCarrier]);
    await depot.fixture.done('relabel', { parcel: 'P1', depot: 'north' });
    return (await depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' })).proposalId;
  };
  async function narrowed(): Promise<void> {
    const document = parcelDomain(depot.carrier.url, [bookCarrier]);
    Object.assign(document.objectTypes.parcel?.properties.depot ?? {}, { pattern: '(?i)S[A-Z]+' });
    expectDone(await uploaded(depot.fixture, document as unknown as JsonValue));
  }
  const misfit = {
    status: 'invalid',
    failure: { code: 'revert_conflict', faults: [{ objects: [{ type: 'parcel', id: 'P1', property: 'depot' }] }] },
  };

  it('stands in the way of a revert, property by property', async () => {
    const original = await relabelled();
    await narrowed();
    expect(await reverted(original)).toMatchObject(misfit);
  });

  it('stands in the way of one that was planned before', async () => {
    const original = await relabelled();
    const request = { proposalId: original, justification: 'a mistake', proposer: clerk };
    const { proposalId } = expectDone(await depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps)));
    expect(await simulated(depot.fixture, proposalId)).toMatchObject({ status: 'approved' });
    await narrowed();
    expect(await depot.drive(proposalId)).toMatchObject({ status: 'simulating' });
    expect(await simulated(depot.fixture, proposalId)).toMatchObject(misfit);
    expect(await depot.parcel()).toMatchObject({ depot: 'south' });
  });
});

describe('a revert that skips what stands in its way', () => {
  it('takes back what was done outside, also where no edit is left of it', async () => {
    const labelled = (url: string) => {
      const domain = parcelDomain(url, [bookCarrier]);
      const { relabel, ...actionTypes } = domain.actionTypes as Required<OntologyDocument>['actionTypes'];
      const handOver = { ...actionTypes.handOver, rules: relabel?.rules };
      return { ...domain, actionTypes: { ...actionTypes, relabel, handOver } } as OntologyDocument;
    };
    depot = await openDepot([], undefined, [], labelled);
    const first = await depot.drive(await depot.handOver());
    await depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' });
    const revert = await reverted(first.proposalId, 'skip');
    expect(revert.status).toBe('executed');
    expect((await depot.fixture.read(revert.proposalId)).planSummary).toMatchObject({ edits: { modify: 0 }, skipped: { count: 1 } });
    expect(done()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
  });

  it('takes the edits back where an effect leads to an endpoint that is gone, and says that this lasts', async () => {
    depot = await openDepot([bookCarrier]);
    const first = await depot.drive(await depot.handOver());
    const { endpoints: _gone, ...domain } = parcelDomain(depot.carrier.url, []);
    await uploaded(depot.fixture, domain as unknown as JsonValue);
    expect(await reverted(first.proposalId)).toMatchObject({ status: 'invalid', failure: { code: 'revert_conflict' } });
    const revert = await reverted(first.proposalId, 'skip');
    expect(revert.status).toBe('executed');
    expect(await depot.parcel()).toEqual(before);
    expect((await depot.fixture.read(revert.proposalId)).planSummary).toMatchObject({ lasting: ['book'] });
    expect(await depot.fixture.read(first.proposalId)).toMatchObject({ reverted: 'partial' });
  });
});

describe('the revert of an execution with effects', () => {
  it('takes everything back, last first, and itself can be reverted, and that as well', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const first = await depot.drive(await depot.handOver());
    const second = await reverted(first.proposalId);
    expect(second.status).toBe('executed');
    expect(await depot.parcel()).toEqual(before);
    expect(done().slice(2)).toEqual(['POST /depots/north/cancellations', 'DELETE /bookings/B1']);
    const third = await reverted(second.proposalId);
    expect(third.status).toBe('executed');
    expect(await depot.parcel()).toMatchObject({ status: 'away' });
    expect(done().slice(4)).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
    expect(depot.carrier.done[5]?.body).toMatchObject({ booking: 'B5' }); // The new booking's number, not the first one's.
    expect((await reverted(third.proposalId)).status).toBe('executed');
    expect(done().slice(6)).toEqual(['POST /depots/north/cancellations', 'DELETE /bookings/B5']);
    expect(await depot.parcel()).toEqual(before);
  });

  it('that is itself reverted takes back by the new answers, where that fails in the middle', async () => {
    depot = await openDepot([bookCarrier, { ...tellDepot, attempts: 1 }]);
    const first = await depot.drive(await depot.handOver());
    const second = await reverted(first.proposalId);
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    expect((await reverted(second.proposalId)).status).toBe('failed');
    expect(done().slice(4)).toEqual(['POST /bookings', 'DELETE /bookings/B5']); // Not the first booking, which is gone.
    expect(await depot.parcel()).toEqual(before);
    expect((await depot.fixture.read(second.proposalId)).reverted).toBe('none');
  });

  it('says in advance what stays', async () => {
    const { compensation: _none, ...lasting } = tellDepot;
    depot = await openDepot([bookCarrier, { ...lasting, optional: true }]);
    const first = await depot.drive(await depot.handOver());
    const second = await reverted(first.proposalId);
    expect((await depot.fixture.read(second.proposalId)).planSummary).toMatchObject({ effects: 1, lasting: ['tell'] });
    expect(done()).toEqual(['POST /bookings', 'POST /depots/north/arrivals', 'DELETE /bookings/B1']);
  });

  it('names what may have happened and was never answered among what stays', async () => {
    depot = await openDepot([bookCarrier, { ...tellDepot, attempts: 1, optional: true }]);
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { reset: 'after' } : undefined);
    const first = await depot.drive(await depot.handOver());
    const second = await reverted(first.proposalId);
    expect((await depot.fixture.read(second.proposalId)).planSummary).toMatchObject({ effects: 1, lasting: ['tell'] });
  });

  it('does nothing anew whose answer would be another, where it goes back: a person is asked', async () => {
    const reserve: EffectDefinition = {
      ...{ name: 'reserve', phase: 'writeBack', lostAnswer: 'key', webhook: { endpoint: 'carrier', path: ["'reservations'"] } },
      compensation: { webhook: { endpoint: 'carrier', method: 'DELETE', path: ["'reservations'", 'parcel.id'] }, lostAnswer: 'key' },
    };
    depot = await openDepot([reserve, bookCarrier]);
    const first = await depot.drive(await depot.handOver());
    depot.carrier.behaviour = ({ path }) => (path === '/reservations/P1' ? { status: 409 } : undefined);
    const second = await reverted(first.proposalId);
    expect((await depot.fixture.read(second.proposalId)).planSummary).toMatchObject({ irreversibleFrom: 'book', revertible: true });
    expect(second.status).toBe('needs_attention');
    expect(done()).toEqual(['POST /reservations', 'POST /bookings', 'DELETE /bookings/B2']);
  });

  it('is refused where a required effect cannot be taken back', async () => {
    const { compensation: _none, ...lasting } = bookCarrier;
    depot = await openDepot([lasting]);
    const first = await depot.drive(await depot.handOver());
    const request = { proposalId: first.proposalId, justification: 'a mistake', proposer: clerk };
    expect(await depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps))).toMatchObject({ refused: 'not_revertible' });
  });

  it('is itself undone where what it asks for is refused', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const first = await depot.drive(await depot.handOver());
    depot.carrier.behaviour = ({ method }) => (method === 'DELETE' ? { status: 409 } : undefined);
    expect((await reverted(first.proposalId)).status).toBe('failed');
    expect(await depot.parcel()).toMatchObject({ status: 'away', depot: 'north' });
    expect(done().slice(2)).toEqual(['POST /depots/north/cancellations', 'POST /depots/north/arrivals']);
    expect((await depot.fixture.read(first.proposalId)).reverted).toBe('none');
  });

  it('is not to be had of what was undone', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    const failed = await depot.drive(await depot.handOver());
    const request = { proposalId: failed.proposalId, justification: 'x', proposer: clerk };
    expect(await depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps))).toMatchObject({ refused: 'not_revertible' });
    expect((await depot.fixture.read(failed.proposalId)).execution).toBeNull();
  });
});
