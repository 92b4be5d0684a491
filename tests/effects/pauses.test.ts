import { afterEach, expect, it } from 'vitest';
import { shareDatabase } from '../store/fixture.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

it.each([
  [0, 500, 60_000],
  [90, 90_500, 150_000],
])(
  'an undo whose receiver asks to be left alone for %i s is sent again no sooner, and with pauses that grow',
  async (askedS, leastMs, mostMs) => {
    depot = await openDepot([bookCarrier, tellDepot]);
    depot.carrier.behaviour = ({ path, method }, n) =>
      path.endsWith('arrivals')
        ? { status: 409 }
        : method === 'DELETE' && n < 8
          ? { status: 503, headers: { 'retry-after': String(askedS) } }
          : undefined;
    expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'failed' });
    expect(depot.pauses).toHaveLength(8);
    expect(Math.min(...depot.pauses)).toBeGreaterThanOrEqual(leastMs);
    expect(Math.max(...depot.pauses)).toBeLessThanOrEqual(mostMs);
    expect(depot.pauses.at(-1)).toBeGreaterThanOrEqual(askedS * 1_000 + 30_000);
  },
);
