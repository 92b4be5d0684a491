import { afterEach, describe, expect, it } from 'vitest';
import { createRevert } from '../../store/create-revert.ts';
import type { Settled } from '../../store/settle.ts';
import { caller, expectDone, shareDatabase, simulated } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

const operator = caller('operator-1', ['operator']);
shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

const propose = (proposalId: string) =>
  depot.fixture.inApi((tx) => createRevert(tx, { proposalId, justification: 'a mistake', proposer: clerk }, depot.fixture.deps));
async function reverted(proposalId: string): Promise<Settled> {
  const proposed = expectDone(await propose(proposalId));
  const plan = await simulated(depot.fixture, proposed.proposalId);
  return plan.status === 'invalid' ? plan : depot.drive(proposed.proposalId);
}
const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);

/** A first revert, of which the carrier refuses the last step, and its undo is not to be had: an operator ends it. */
async function aborted(meanwhile: () => Promise<unknown>): Promise<{ first: string; back: string }> {
  depot = await openDepot([bookCarrier, tellDepot]);
  const first = await depot.drive(await depot.handOver());
  depot.carrier.behaviour = ({ method }) => (method === 'DELETE' ? { status: 409 } : undefined);
  const { proposalId: back } = expectDone(await propose(first.proposalId));
  await simulated(depot.fixture, back);
  const stuck = await depot.drive(back, async ({ next }) => {
    if (next?.name === 'book') await meanwhile();
  });
  expect(stuck.status).toBe('needs_attention');
  const resolution = { proposalId: back, choice: 'abort' as const, reason: 'left', by: operator };
  expectDone(await depot.fixture.inApi((tx) => resolveAsAsked(tx, resolution, depot.fixture.deps)));
  depot.carrier.behaviour = () => undefined;
  expect(done().slice(2)).toEqual(['POST /depots/north/cancellations']);
  return { first: first.proposalId, back };
}

describe('what a revert left that an operator aborted', () => {
  it('is taken back by another, in whose way nothing stands that the first has put back', async () => {
    const { first, back } = await aborted(() => depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' }));
    expect(await depot.fixture.read(first)).toMatchObject({ reverted: 'partial', actions: { revert: { allowed: true } } });
    expect((await depot.fixture.read(back)).status).toBe('failed');
    const again = await reverted(first);
    expect(again.status).toBe('executed');
    expect((await depot.fixture.read(again.proposalId)).planSummary).toMatchObject({ effects: 1, edits: { modify: 0 } });
    expect(done().slice(3)).toEqual(['DELETE /bookings/B1']);
    expect(await depot.parcel()).toMatchObject({ status: 'here', depot: 'south' });
    expect(await depot.fixture.read(first)).toMatchObject({ reverted: 'full', actions: { revert: { reason: 'already_reverted' } } });
  });

  it('stays taken back after a revert of that other, which does again what that took back alone', async () => {
    const { first } = await aborted(() => depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' }));
    const again = await reverted(first);
    expect((await reverted(again.proposalId)).status).toBe('executed');
    expect(done().slice(4)).toEqual(['POST /bookings']);
    expect(await depot.fixture.read(first)).toMatchObject({ reverted: 'partial' });
    expect((await reverted(first)).status).toBe('executed');
    expect(done().slice(5)).toEqual(['DELETE /bookings/B5']);
  });
});
