// tests/chaos/heavy/restored-postgres.test.ts restores a server under running processes.
import { afterEach, describe, expect, it } from 'vitest';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { writeUntold } from '../support/write-untold.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';
import type { Received } from './receiver.ts';

let depot: Depot;
afterEach(() => depot?.close());

const refuseArrivals = ({ path }: Received) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
const asked = () => depot.carrier.done.map(({ method, body }) => [method, (body as { weight?: number } | undefined)?.weight ?? null]);

/** Without the booking's number, so that one key makes two undos one. */
const cancel = {
  webhook: { endpoint: 'carrier', method: 'DELETE' as const, path: ["'bookings'", 'parcel.id'] },
  lostAnswer: 'key' as const,
};

/** Executes a proposal, and brings the database back to before that. */
async function executedAndRestored(): Promise<string> {
  const proposal = await depot.handOver();
  const restore = await depot.fixture.database.save();
  await depot.drive(proposal);
  await restore();
  expect(await depot.fixture.read(proposal)).toMatchObject({ status: 'approved', effects: null });
  return proposal;
}

/** Others change what the plan was made of, so it is made anew. */
async function planAnew(proposal: string): Promise<void> {
  await depot.fixture.done('weigh', { parcel: 'P1', weight: 9 });
  expect((await depot.drive(proposal)).status).toBe('simulating');
  const { worker, tenant, deps } = depot.fixture;
  expect(await simulateProposal(worker, tenant, proposal, deps)).toMatchObject({ status: 'approved' });
}

describe('of an execution that the database was restored to before', () => {
  it('nothing is done a second time under the same plan', async () => {
    depot = await openDepot([bookCarrier]);
    const proposal = await executedAndRestored();
    expect((await depot.drive(proposal)).status).toBe('executed');
    const keys = depot.carrier.requests('POST', '/bookings').map(({ key }) => key);
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
    expect(asked()).toEqual([['POST', 7]]);
  });

  it('another plan is not answered with what the first one did', async () => {
    depot = await openDepot([bookCarrier]);
    const proposal = await executedAndRestored();
    await planAnew(proposal);
    expect((await depot.drive(proposal)).status).toBe('executed');
    expect(asked()).toEqual([
      ['POST', 7],
      ['POST', 9],
    ]);
  });

  it.each([
    [
      'under the same plan nothing is undone a second time',
      false,
      [
        ['POST', 7],
        ['DELETE', null],
      ],
    ],
    [
      'another plan is undone by itself',
      true,
      [
        ['POST', 7],
        ['DELETE', null],
        ['POST', 9],
        ['DELETE', null],
      ],
    ],
  ])('%s', async (_, isAnother, expected) => {
    depot = await openDepot([{ ...bookCarrier, compensation: cancel }, tellDepot]);
    depot.carrier.behaviour = refuseArrivals;
    const proposal = await executedAndRestored();
    if (isAnother) await planAnew(proposal);
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(asked()).toEqual(expected);
  });
});

it('what began when keys named no plan keeps its keys', async () => {
  depot = await openDepot([bookCarrier]);
  const proposal = await depot.handOver();
  await depot.step(proposal, { next: undefined } as never);
  await writeUntold(depot.fixture.database, 'UPDATE exequatur.saga SET keys_name_plan = false WHERE proposal_id = $1', [proposal]);
  expect((await depot.drive(proposal)).status).toBe('executed');
  expect(depot.carrier.received.map(({ key }) => key)).toEqual([`${proposal}.1.0.do`]);
});
