// What becomes of effects in a second revert, and after a revert of a revert: none is taken back twice, and what was done again is what is taken back.
import { afterEach, describe, expect, it } from 'vitest';
import { createRevert, type NewRevert } from '../../store/create-revert.ts';
import type { Settled } from '../../store/settle.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { caller, expectDone, shareDatabase, simulated } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

const operator = caller('operator-1', ['operator']);
shareDatabase();
let depot: Depot;
afterEach(async () => {
  if (depot !== undefined) expect(await verifyLog(depot.fixture.database, depot.fixture.tenant)).toMatch(/^whole .*"unjudged":0/);
  await depot?.close();
});

const propose = (proposalId: string, conflicts: NewRevert['conflicts']) => {
  const request = { proposalId, justification: 'a mistake', proposer: clerk, ...(conflicts ? { conflicts } : {}) };
  return depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps));
};
async function reverted(proposalId: string, conflicts?: 'skip'): Promise<Settled> {
  const proposed = expectDone(await propose(proposalId, conflicts));
  const plan = await simulated(depot.fixture, proposed.proposalId);
  return plan.status === 'invalid' ? plan : depot.drive(proposed.proposalId);
}
const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
const relabel = (to: string) => depot.fixture.done('relabel', { parcel: 'P1', depot: to });

describe('a second revert', () => {
  it('takes back no effect that the first has taken back', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const first = await depot.drive(await depot.handOver());
    await relabel('south');
    expect((await reverted(first.proposalId, 'skip')).status).toBe('executed');
    expect(done().slice(2)).toEqual(['POST /depots/north/cancellations', 'DELETE /bookings/B1']);
    await relabel('north');
    const second = await reverted(first.proposalId);
    expect(second.status).toBe('executed');
    expect((await depot.fixture.read(second.proposalId)).planSummary).toMatchObject({ effects: 0, edits: { modify: 1 } });
    expect(done()).toHaveLength(4);
    expect((await depot.parcel()).depot).toBeUndefined();
    expect(await depot.fixture.read(first.proposalId)).toMatchObject({
      reverted: 'full',
      actions: { revert: { reason: 'already_reverted' } },
    });
  });

  it('is not to be had where nothing is left but what nothing takes back, and shows that it lasts', async () => {
    const { compensation: _none, ...lasting } = tellDepot;
    depot = await openDepot([bookCarrier, { ...lasting, optional: true }]);
    const first = await depot.drive(await depot.handOver());
    await reverted(first.proposalId);
    expect(await depot.fixture.read(first.proposalId)).toMatchObject({
      reverted: 'partial',
      reverts: [{ partial: true, reverted: 'none' }],
    });
    expect(await propose(first.proposalId, undefined)).toEqual({ refused: 'already_reverted' });
  });

  it('takes back what was done again after the first, by the new answers, and not a second time what that had taken back', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const first = await depot.drive(await depot.handOver());
    const back = await reverted(first.proposalId);
    const again = await reverted(back.proposalId);
    expect(done().slice(4)).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
    expect(await depot.fixture.read(first.proposalId)).toMatchObject({ reverted: 'none', reverts: [{ reverted: 'full' }] });
    expect((await reverted(first.proposalId)).status).toBe('executed');
    expect(done().slice(6)).toEqual(['POST /depots/north/cancellations', 'DELETE /bookings/B5']);
    expect(await depot.parcel()).toMatchObject({ status: 'here' });
    // What was done again is taken back by that: whoever would take it back as well is told so.
    expect(await depot.fixture.read(again.proposalId)).toMatchObject({ reverted: 'full' });
    expect(await propose(again.proposalId, undefined)).toEqual({ refused: 'already_reverted' });
    expect((await reverted(back.proposalId)).status).toBe('executed');
    expect(done().slice(8)).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
  });

  it('leaves alone what a failed revert of the first had done again and taken back itself', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const first = await depot.drive(await depot.handOver());
    const back = await reverted(first.proposalId);
    depot.carrier.behaviour = ({ path, method }) => (method === 'POST' && path.endsWith('arrivals') ? { status: 409 } : undefined);
    const again = await reverted(back.proposalId);
    expect(again.status).toBe('failed');
    expect(done().slice(4)).toEqual(['POST /bookings', 'DELETE /bookings/B5']);
    depot.carrier.behaviour = () => undefined;
    expect(await depot.fixture.read(first.proposalId)).toMatchObject({ reverted: 'full' });
    expect((await reverted(back.proposalId)).status).toBe('executed');
    expect(done().slice(6)).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
  });

  it('takes back no effect that a revert has taken back which came to nothing, where an operator left it so', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const first = await depot.drive(await depot.handOver());
    depot.carrier.behaviour = ({ path, method }) => (method === 'DELETE' || path.endsWith('arrivals') ? { status: 409 } : undefined);
    const stuck = await reverted(first.proposalId);
    expect(stuck.status).toBe('needs_attention');
    const resolution = { proposalId: stuck.proposalId, choice: 'abort' as const, reason: 'left', by: operator };
    expectDone(await depot.fixture.inApi((tx) => resolveAsAsked(tx, resolution, depot.fixture.deps)));
    depot.carrier.behaviour = () => undefined;
    expect(done().slice(2)).toEqual(['POST /depots/north/cancellations']);
    const next = expectDone(await propose(first.proposalId, 'skip'));
    await simulated(depot.fixture, next.proposalId);
    expect((await depot.fixture.read(next.proposalId)).planSummary).toMatchObject({ effects: 1 });
  });
});
