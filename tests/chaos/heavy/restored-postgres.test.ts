import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { BreakablePostgres, BreakableTemporal } from '../../support/breakable-servers.ts';
import { isArrival, ParcelService } from '../parcel-service.ts';

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

const sweepMs = 90_000; // Until the relay has looked after every open proposal.

it('PostgreSQL restored to an instant before what Temporal and the carrier know: nothing is done twice, and all agree in the end', {
  timeout: 300_000,
}, async () => {
  service = await ParcelService.open({ parcels: 2, postgres: postgres.url, temporal: temporal.address });
  const { carrier, shop } = service;
  // A backup is made in the middle of an effect. Then it ends, and another execution begins and ends.
  let backup: Promise<void> | undefined;
  carrier.behaviour = (received) => {
    if (!isArrival(received) || backup !== undefined) return undefined;
    backup = postgres.save('then');
    return { delayMs: 500 };
  };
  const first = await service.handOver('P1');
  expect(await service.ended(first)).toBe('executed');
  await backup;
  const second = await service.handOver('P2');
  expect(await service.ended(second)).toBe('executed');
  const before = carrier.done.length;

  await postgres.restore('then');
  expect(await shop.status(first)).toBe('executing');
  expect(await shop.status(second)).toBeUndefined();
  expect(await service.ended(first, sweepMs)).toBe('executed');
  expect(await shop.outcome(first)).toBe('executed');
  expect(carrier.requests('POST', /arrivals$/).filter(({ key }) => key.startsWith(first)).length).toBeGreaterThan(1); // Asked again, with its key,
  expect(carrier.done).toHaveLength(before); // and not done again.
  expect(await shop.traces(first)).toMatchObject({ executions: 1, history: 1, executedEvents: 1 });
  expect(await service.parcel('P1')).toMatchObject({ depot: 'north', status: 'away' });
  expect(await service.parcel('P2')).toMatchObject({ status: 'here' }); // What was committed since the backup is lost, and only that.
});
