import { afterEach, expect, it } from 'vitest';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier } from './parcel-domain.ts';
import type { Reply } from './receiver.ts';

let depot: Depot;
afterEach(() => depot?.close());

/** Books, and where the answer is lost asks whether it did. */
const askedBooking: EffectDefinition = {
  ...bookCarrier,
  lostAnswer: 'probe',
  probe: { webhook: { endpoint: 'carrier', path: ["'bookings'", 'parcel.id'] }, done: 'answer.status == 200' },
};

it('a receiver that answers each question under one key as it did the first time is asked under another, and so does nothing twice', async () => {
  depot = await openDepot([askedBooking]);
  const { carrier } = depot;
  carrier.honoursKey = () => false;
  const said = new Map<string, Reply>();
  carrier.behaviour = ({ method, path, key }, n) => {
    // The first request comes to nothing, and the second is done; nobody hears of either.
    if (method === 'POST' && path === '/bookings') return n === 0 ? { reset: 'before' } : n === 1 ? { reset: 'after' } : undefined;
    if (method !== 'GET') return undefined;
    const answer = said.get(key) ?? (carrier.done.length > 0 ? { status: 200, body: { booking: 'B1' } } : { status: 404 });
    said.set(key, answer);
    return answer;
  };
  expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'executed' });
  expect(carrier.done.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /bookings']);
  expect(new Set(carrier.requests('POST', '/bookings').map(({ key }) => key)).size).toBe(1);
});
