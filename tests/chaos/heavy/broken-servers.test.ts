import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bookCarrier, tellDepot } from '../../effects/parcel-domain.ts';
import type { Received } from '../../effects/receiver.ts';
import { BreakablePostgres, BreakableTemporal } from '../../support/breakable-servers.ts';
import { isArrival, isBooking, isCancellation, isUnbooking, lastRefused, ParcelService } from '../parcel-service.ts';

let postgres: BreakablePostgres;
let temporal: BreakableTemporal;
let service: ParcelService;
beforeAll(async () => {
  [postgres, temporal] = await Promise.all([BreakablePostgres.open(), BreakableTemporal.open()]);
});
afterEach(() => service?.close());
afterAll(async () => {
  await temporal?.close();
  await postgres?.close();
});

const effects = [bookCarrier, tellDepot, lastRefused];
const sweepMs = 45_000; // Until the relay has looked after every open proposal.

async function opened(): Promise<void> {
  service = await ParcelService.open({ effects, parcels: 2, postgres: postgres.url, temporal: temporal.address });
}

/**
 * One parcel is handed over and another's handing over is undone, and at the first of each kind of request that reaches the carrier, before it answers, something breaks.
 * What is then asked again carries its key, and the carrier has done each thing once.
 */
async function breakingAtEach(breakIt: () => Promise<void>, limitMs: number): Promise<void> {
  await opened();
  const { carrier, shop } = service;
  const points = [isBooking, isArrival, isCancellation, isUnbooking];
  const broken: string[] = [];
  let breaking = Promise.resolve();
  let closes = false;
  carrier.behaviour = (received: Received) => {
    const at = points.findIndex((isThis) => isThis(received));
    if (at >= 0) {
      points.splice(at, 1);
      broken.push(received.path);
      breaking = breaking.then(breakIt);
      return { delayMs: 500 };
    }
    return received.path === '/close' && closes ? { status: 409 } : undefined;
  };
  const first = await service.handOver('P1');
  expect(await service.ended(first, limitMs)).toBe('executed');
  closes = true;
  const second = await service.handOver('P2');
  expect(await service.ended(second, limitMs)).toBe('failed');
  await breaking;
  expect(broken).toHaveLength(4);
  const keys = carrier.done.map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.map((key) => key.split('.').slice(2).join('.')).sort()).toEqual([
    '1.0.do',
    '1.0.do',
    '1.0.undo',
    '1.1.do',
    '1.1.do',
    '1.1.undo',
    '1.2.do',
  ]);
  expect(await service.parcel('P1')).toEqual({ code: 'P1', depot: 'north', status: 'away', weight: 7 });
  expect(await service.parcel('P2')).toEqual({ code: 'P2', status: 'here', weight: 7 });
  expect(await shop.traces(first)).toMatchObject({ executions: 1, history: 1, executedEvents: 1 });
}

describe('in the middle of each effect and each undo', () => {
  it('PostgreSQL killed with kill -9 loses and repeats nothing', () => breakingAtEach(() => postgres.kill(300), 60_000));
  it('Temporal killed with kill -9 loses and repeats nothing', () => breakingAtEach(() => temporal.kill(300), 60_000));
  it('Temporal’s data deleted altogether: all goes on from PostgreSQL, and nothing is done twice', { timeout: 4 * sweepMs + 60_000 }, () =>
    breakingAtEach(() => temporal.empty(), 3 * sweepMs),
  );
});
