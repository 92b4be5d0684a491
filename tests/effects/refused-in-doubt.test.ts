import { afterEach, describe, expect, it } from 'vitest';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';
import type { Reply } from './receiver.ts';

let depot: Depot;
afterEach(() => depot?.close());

const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
/** Its compensation needs nothing that an answer said. */
const bookAndCancel: EffectDefinition = {
  ...bookCarrier,
  attempts: 3,
  compensation: { webhook: { endpoint: 'carrier', path: ["'cancel'"] }, lostAnswer: 'key' },
};

describe('a refusal after a lost answer', () => {
  async function bookedWith(...replies: Reply[]) {
    depot = await openDepot([bookAndCancel]);
    depot.carrier.behaviour = ({ path }, n) => (path === '/bookings' ? replies[n] : undefined);
    return depot.drive(await depot.handOver());
  }

  it.each([401, 403, 422])('of %i does not say that nothing was done: it is taken back', async (status) => {
    expect(await bookedWith({ reset: 'after' }, { status, turnedAway: true })).toMatchObject({
      status: 'failed',
      failure: { faults: [{ code: 'effect_unknown' }] },
    });
    expect(done()).toEqual(['POST /bookings', 'POST /cancel']);
  });

  it('of 409 says that the first attempt is still under way: it is sent again', async () => {
    expect(await bookedWith({ reset: 'after' }, { status: 409, turnedAway: true })).toMatchObject({ status: 'executed' });
    expect(done()).toEqual(['POST /bookings']);
  });

  it('of 409 at the last attempt leaves the outcome unknown', async () => {
    const busy: Reply = { status: 409, turnedAway: true };
    expect(await bookedWith({ reset: 'after' }, busy, busy)).toMatchObject({ failure: { faults: [{ code: 'effect_unknown' }] } });
    expect(done()).toEqual(['POST /bookings', 'POST /cancel']);
  });
});

describe('an undo that is answered 409', () => {
  const busy: Reply = { status: 409, turnedAway: true };
  async function takenBackWith(...replies: Reply[]) {
    depot = await openDepot([bookAndCancel, tellDepot]);
    depot.carrier.behaviour = ({ path }, n) =>
      path.endsWith('arrivals') ? { status: 422, turnedAway: true } : path === '/cancel' ? replies[n] : undefined;
    return depot.drive(await depot.handOver());
  }

  it('after an undo whose answer was lost is still under way there: it is sent again', async () => {
    expect(await takenBackWith({ reset: 'after' }, busy)).toMatchObject({ status: 'failed' });
    expect(done()).toEqual(['POST /bookings', 'POST /cancel']);
  });

  it('as often as the effect may be tried is refused for good: a person decides', async () => {
    expect(await takenBackWith({ reset: 'before' }, busy, busy, {})).toMatchObject({ status: 'needs_attention' });
    expect(done()).toEqual(['POST /bookings']);
  });

  it('where no answer was ever lost is refused for good at once', async () => {
    expect(await takenBackWith(busy)).toMatchObject({ status: 'needs_attention' });
    expect(depot.carrier.requests('POST', /cancel$/)).toHaveLength(1);
  });
});
