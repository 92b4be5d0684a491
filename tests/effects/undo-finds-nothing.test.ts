import { afterEach, describe, expect, it } from 'vitest';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import { caller, expectDone, shareDatabase } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';
import type { Reply } from './receiver.ts';

const operator = caller('operator-1', ['operator']);
shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
/** Its compensation needs nothing that an answer said. */
const bookAndCancel: EffectDefinition = {
  ...bookCarrier,
  attempts: 2,
  compensation: { webhook: { endpoint: 'carrier', path: ["'cancel'"] }, lostAnswer: 'key' },
};

describe('an undo that finds nothing', () => {
  /** The depot refuses, so that the booking is taken back. */
  async function takenBack(effect: EffectDefinition, behaviour: (place: string, n: number) => Reply | undefined) {
    depot = await openDepot([effect, tellDepot]);
    depot.carrier.behaviour = ({ method, path }, n) => (path.endsWith('arrivals') ? { status: 409 } : behaviour(`${method} ${path}`, n));
    const proposal = await depot.handOver();
    return { proposal, ended: await depot.drive(proposal) };
  }
  const gone: Reply = { status: 404, turnedAway: true };

  it('has not undone what surely was done, however often an operator has it tried', async () => {
    const { proposal, ended } = await takenBack(bookCarrier, (place) => (place.startsWith('DELETE') ? gone : undefined));
    expect(ended.status).toBe('needs_attention');
    const resolution = { proposalId: proposal, choice: 'retry' as const, reason: 'the carrier says so', by: operator };
    expectDone(await depot.fixture.inApi((tx) => resolveAsAsked(tx, resolution, depot.fixture.deps)));
    expect((await depot.drive(proposal)).status).toBe('needs_attention');
  });

  it('has not undone what was done at a later attempt', async () => {
    const { proposal, ended } = await takenBack(bookCarrier, (place, n) =>
      place.startsWith('DELETE') ? gone : place === 'POST /bookings' && n === 0 ? { status: 503 } : undefined,
    );
    expect(ended.status).toBe('needs_attention');
    expect((await depot.fixture.read(proposal)).effects?.steps[0]).toMatchObject({ name: 'book', problem: { message: 'answered 404' } });
  });

  it('has not undone it because an earlier undo was put off', async () => {
    const { ended } = await takenBack(bookCarrier, (place, n) =>
      place.startsWith('DELETE') ? (n === 0 ? { status: 429 } : gone) : undefined,
    );
    expect(ended.status).toBe('needs_attention');
  });

  it('follows an undo whose answer was lost', async () => {
    const { ended } = await takenBack(bookCarrier, (place, n) =>
      place.startsWith('DELETE') ? (n === 0 ? { reset: 'after' } : n === 1 ? { status: 503 } : gone) : undefined,
    );
    expect(ended.status).toBe('failed');
  });

  it('has nothing to undo where the effect may never have happened', async () => {
    depot = await openDepot([bookAndCancel]);
    depot.carrier.behaviour = ({ path }, n) => (path === '/cancel' ? (n === 0 ? { status: 503 } : gone) : { reset: 'before' });
    expect((await depot.drive(await depot.handOver())).status).toBe('failed');
    expect(done()).toEqual([]);
  });
});

describe('an undo that fails', () => {
  it('is tried again without end, past what the effect itself is allowed, and everybody sees how often', async () => {
    depot = await openDepot([bookCarrier, tellDepot]);
    const times = 12;
    depot.carrier.behaviour = ({ method, path }, n) =>
      path.endsWith('arrivals') ? { status: 422 } : method === 'DELETE' && n < times ? { status: n % 2 ? 500 : 503 } : undefined;
    const proposal = await depot.handOver();
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(depot.carrier.requests('DELETE', /bookings/)).toHaveLength(times + 1);
    expect(new Set(depot.carrier.requests('DELETE', /bookings/).map(({ key }) => key)).size).toBe(1);
    expect((await depot.fixture.read(proposal)).effects?.steps[0]).toMatchObject({
      name: 'book',
      state: 'undone',
      undoAttempts: times + 1,
    });
  });
});
