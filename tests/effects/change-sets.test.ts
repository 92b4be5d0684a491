import { afterEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { keeper1, simulated } from '../store/fixture.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

let depot: Depot;
afterEach(() => depot?.close());

/** Two parcels handed over in one set, approved. */
async function approved(): Promise<string> {
  depot = await openDepot([bookCarrier, tellDepot]);
  await depot.fixture.done('receive', { code: 'P2', weight: 3 });
  const actions = [
    { actionType: 'handOver', parameters: { parcel: 'P1', depot: 'north' } },
    { actionType: 'handOver', parameters: { parcel: 'P2', depot: 'south' } },
  ];
  const plan = await depot.fixture.planned('handOver+', { actions } as unknown as JsonValue, keeper1);
  await depot.fixture.review(plan, clerk);
  return plan.proposalId;
}

const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
const parcels = async () => {
  const rows = await depot.fixture.inWorker((tx) =>
    tx.rows<{ properties: JsonObject }>(`SELECT o.properties FROM exequatur.object o WHERE o.type = 'parcel' AND o.alive ORDER BY o.id`),
  );
  return rows.map(({ properties }) => `${properties.status} ${properties.depot ?? ''}`.trim());
};

describe('a change set with effects', () => {
  it('sends all write-backs, writes once, and then all side effects, each with the slots of its own action', async () => {
    const id = await approved();
    const seen: string[] = [];
    const ended = await depot.drive(id, async ({ next }) => {
      seen.push(`${next?.name ?? '-'} ${(await parcels()).join(', ')}`);
    });
    expect(ended.status).toBe('executed');
    expect(seen).toEqual([
      '1.book here, here',
      '2.book here, here',
      '- here, here',
      '1.tell away north, away south',
      '2.tell away north, away south',
      '- away north, away south',
      '- away north, away south',
    ]);
    expect(depot.carrier.done.map(({ path, body }) => [path, body])).toEqual([
      ['/bookings', { parcel: 'P1', to: 'north', weight: 7 }],
      ['/bookings', { parcel: 'P2', to: 'south', weight: 3 }],
      ['/depots/north/arrivals', { parcel: 'P1', booking: 'B1' }],
      ['/depots/south/arrivals', { parcel: 'P2', booking: 'B2' }],
    ]);
  });

  it('is undone as a whole where the effect of one action fails', async () => {
    const id = await approved();
    depot.carrier.behaviour = ({ path }) => (path === '/depots/south/arrivals' ? { status: 409 } : undefined);
    expect((await depot.drive(id)).status).toBe('failed');
    expect(done()).toEqual([
      'POST /bookings',
      'POST /bookings',
      'POST /depots/north/arrivals',
      'POST /depots/north/cancellations',
      'DELETE /bookings/B2',
      'DELETE /bookings/B1',
    ]);
    expect(await parcels()).toEqual(['here', 'here']);
  });

  it('is reverted as a whole, with its effects', async () => {
    const id = await approved();
    await depot.drive(id);
    const { fixture } = depot;
    const revert = await fixture.inApi((tx) =>
      createRevert(tx, { proposalId: id, justification: 'back', proposer: keeper1 }, fixture.deps),
    );
    if ('refused' in revert) throw new Error(revert.refused);
    await fixture.review(await simulated(fixture, revert.proposalId), clerk);
    expect((await executeProposal(fixture.worker, fixture.tenant, revert.proposalId, fixture.deps))?.status).toBe('executing');
    expect((await depot.drive(revert.proposalId)).status).toBe('executed');
    expect(done().slice(4)).toEqual([
      'POST /depots/south/cancellations',
      'POST /depots/north/cancellations',
      'DELETE /bookings/B2',
      'DELETE /bookings/B1',
    ]);
    expect(await parcels()).toEqual(['here', 'here']);
  });
});
