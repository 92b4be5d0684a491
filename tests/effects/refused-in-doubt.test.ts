import { afterEach, describe, expect, it } from 'vitest';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { expectDone, shareDatabase } from '../store/fixture.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';
import type { Reply } from './receiver.ts';

shareDatabase();
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

describe('a probe that finds nothing after a lost answer', () => {
  const probe = { webhook: { endpoint: 'carrier', path: ["'bookings'", 'parcel.id'] }, done: 'answer.status == 200' };
  const probed: EffectDefinition = { ...bookAndCancel, lostAnswer: 'probe', probe, slots: {}, attempts: 4 };
  const turnedAway = (status: number): Reply => ({ status, turnedAway: true });

  /** A receiver so slow that the first booking is neither done nor answered when it is asked: it is done once `late` booking requests have come. */
  async function slowlyBooked(booking: (n: number) => Reply, found: (n: number) => Reply = () => turnedAway(404)) {
    depot = await openDepot([probed]);
    depot.carrier.behaviour = ({ method, path }, n) =>
      method === 'GET' ? found(n) : path === '/bookings' ? (n === 0 ? { reset: 'before' } : booking(n)) : undefined;
    return depot.drive(await depot.handOver());
  }

  it.each([401, 409, 422])(
    'has not shown that nothing is done, where what is sent again is refused with %i: it is taken back',
    async (status) => {
      expect(await slowlyBooked(() => turnedAway(status))).toMatchObject({ failure: { faults: [{ code: 'effect_unknown' }] } });
      expect(done()).toEqual(['POST /cancel']);
    },
  );

  it.each([401, 409, 422])('is asked again where what is sent again is refused with %i, and may find it done by then', async (status) => {
    expect(
      await slowlyBooked(
        () => turnedAway(status),
        (n) => turnedAway(n === 0 ? 404 : 200),
      ),
    ).toMatchObject({ status: 'executed' });
    expect(depot.carrier.requests('POST', '/bookings')).toHaveLength(2);
  });

  it('at the last attempt leaves the outcome unknown', async () => {
    depot = await openDepot([{ ...probed, attempts: 2 }]);
    depot.carrier.behaviour = ({ method, path }) =>
      method === 'GET' ? turnedAway(404) : path === '/bookings' ? { reset: 'before' } : undefined;
    expect(await depot.drive(await depot.handOver())).toMatchObject({ failure: { faults: [{ code: 'effect_unknown' }] } });
    expect(done()).toEqual(['POST /cancel']);
  });

  it.each([
    ['the last attempt', 1, 0],
    ['the last attempt, and nobody answers the first probes', 1, 3],
    ['an attempt whose probe, the last that is left, nobody answers', 2, 1],
  ])('is no end of it: one that finds it done after the answer was lost of %s, is believed', async (_words, attempts, unanswered) => {
    depot = await openDepot([{ ...probed, attempts }]);
    depot.carrier.behaviour = ({ method, path }, n) =>
      method === 'GET' ? turnedAway(n < unanswered ? 503 : 200) : path === '/bookings' ? { reset: 'after' } : undefined;
    expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'executed' });
    expect(depot.carrier.requests('POST', '/bookings')).toHaveLength(1);
  });

  it('is not waited for without end after the last attempt', async () => {
    depot = await openDepot([{ ...probed, attempts: 1 }]);
    depot.carrier.behaviour = ({ method, path }) =>
      method === 'GET' ? turnedAway(503) : path === '/bookings' ? { reset: 'after' } : undefined;
    expect(await depot.drive(await depot.handOver())).toMatchObject({ failure: { faults: [{ code: 'effect_unknown' }] } });
    expect(depot.carrier.requests('GET', /bookings/)).toHaveLength(5);
    expect(done()).toEqual(['POST /bookings', 'POST /cancel']);
  });

  it('leaves what it has not found to be taken back where the execution is cancelled then', async () => {
    depot = await openDepot([probed]);
    const proposal = await depot.handOver();
    const cancellation = { proposalId: proposal, reason: 'the truck broke down', by: clerk };
    const meanwhile = async () => expectDone(await depot.fixture.inApi((tx) => cancelExecution(tx, cancellation, depot.fixture.deps)));
    depot.carrier.behaviour = ({ method, path }) =>
      method === 'GET' ? { ...turnedAway(404), meanwhile } : path === '/bookings' ? { reset: 'before' } : undefined;
    expect(await depot.drive(proposal)).toMatchObject({ status: 'failed' });
    expect(done()).toEqual(['POST /cancel']);
    const told = await depot.fixture.inApi((tx) =>
      tx.rows(
        "SELECT o.data ->> 'state' AS state FROM exequatur.outbox o WHERE o.proposal_id = $1 AND o.type = 'effect.ended' ORDER BY o.created_at",
        [proposal],
      ),
    );
    expect(told).toEqual([{ state: 'unknown' }, { state: 'undone' }]);
  });

  it.each([302, 401, 422])('is not believed where it is answered %i: nothing is sent again', async (status) => {
    expect(
      await slowlyBooked(
        () => ({}),
        () => turnedAway(status),
      ),
    ).toMatchObject({ failure: { faults: [{ code: 'effect_unknown' }] } });
    expect(depot.carrier.requests('POST', '/bookings')).toHaveLength(1);
  });
});

describe('an answer that proves nothing', () => {
  it.each([303, 408, 503])('is as good as none: %i to an effect that is not sent again is put before a person', async (status) => {
    depot = await openDepot([{ ...bookCarrier, lostAnswer: 'none' }]);
    depot.carrier.behaviour = () => ({ status, turnedAway: true });
    expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'needs_attention' });
    expect(depot.carrier.received).toHaveLength(1);
  });

  it('of 303 to an undo is put before a person, and not asked for without end', async () => {
    depot = await openDepot([bookAndCancel, tellDepot]);
    depot.carrier.behaviour = ({ path }) =>
      path.endsWith('arrivals') ? { status: 422, turnedAway: true } : path === '/cancel' ? { status: 303, turnedAway: true } : undefined;
    expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'needs_attention' });
  });
});
