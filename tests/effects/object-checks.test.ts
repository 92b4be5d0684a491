// Checks over objects, read back once the time is over: tests/effects/parcel-depot.ts.
import { afterEach, describe, expect, it } from 'vitest';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import type { CheckDefinition } from '../../ontology/effect-definition.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain } from './parcel-domain.ts';

const after = 'PT10M';
const light: CheckDefinition = { name: 'light', after, holds: "parcel.status == 'away' && parcel.weight < 10 && parcel.depot == depot" };

describe('a check over objects', () => {
  let depot: Depot;
  afterEach(() => depot.close());
  const paths = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);

  it('is asked once its time has come, of the objects as they are then', async () => {
    depot = await openDepot([bookCarrier], [light]);
    const waits: number[] = [];
    const ended = await depot.drive(await depot.handOver(), ({ next, waitMs }) => {
      if (next?.name === 'light') waits.push(waitMs ?? 0);
    });
    expect(ended.status).toBe('executed');
    expect(Math.max(...waits)).toBeGreaterThan(590_000);
    expect(paths()).toEqual(['POST /bookings']);
    expect((await depot.fixture.read(ended.proposalId)).effects?.steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'book done',
      'light done',
    ]);
  });

  it('undoes everything where it does not hold: others have changed what it asks of', async () => {
    depot = await openDepot([bookCarrier], [light]);
    let changed = false;
    const ended = await depot.drive(await depot.handOver(), async ({ next }) => {
      if (next?.name !== 'light' || changed) return;
      changed = true;
      await depot.fixture.done('weigh', { parcel: 'P1', weight: 11 });
    });
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'check_failed', message: 'light: it does not hold' }] } });
    expect(await depot.parcel()).toEqual({ code: 'P1', status: 'here', weight: 11 }); // What the others wrote stays.
    expect(paths()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
  });

  it('waits for at most twice its time where the clock of the database is set back meanwhile', async () => {
    depot = await openDepot([bookCarrier], [light]);
    const waits: number[] = [];
    const ended = await depot.drive(await depot.handOver(), async ({ next, waitMs }) => {
      if (next?.name !== 'light' || waitMs === null) return;
      if (waits.length === 0) await depot.fixture.database.advanceClock(-3_600_000);
      waits.push(waitMs);
    });
    expect(ended.status).toBe('executed');
    expect(waits.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(2 * 600_000);
  });

  it('needs no effect beside it, and may speak of the instant at which it is asked', async () => {
    depot = await openDepot(
      [],
      [{ name: 'late', after, holds: "evaluatedAt > timestamp('2001-01-01T00:00:00Z') && parcel.status == 'away'" }],
    );
    expect((await depot.drive(await depot.handOver())).status).toBe('executed');
    expect(await depot.parcel()).toMatchObject({ status: 'away' });
  });
});

describe('a document', () => {
  const faults = (check: CheckDefinition): string =>
    JSON.stringify(compileOntology(parcelDomain('https://carrier.example', [bookCarrier], [check])));

  it.each<[string, CheckDefinition, RegExp]>([
    ['every so often, and for how long nobody says', { name: 'c', every: 'PT1M', holds: 'true' }, /checks\/0\/every.*goes with bake/],
    ['more often than every second', { name: 'c', bake: 'PT1M', every: 'PT0.5S', holds: 'true' }, /checks\/0\/every/],
    ['again when its bake time is over', { name: 'c', bake: 'PT1M', every: 'PT2M', holds: 'true' }, /from a second to the whole bake time/],
    ['more than a thousand times', { name: 'c', bake: 'PT1H', every: 'PT3S', holds: 'true' }, /more than 1000 times/],
    ['what is no condition', { name: 'c', holds: 'parcel.weight' }, /checks\/0\/holds/],
    ['nothing', { name: 'c' }, /one of probe and holds/],
    [
      'two things at once',
      { name: 'c', holds: 'true', probe: { webhook: { endpoint: 'carrier' }, done: 'true' } },
      /one of probe and holds/,
    ],
  ])('is refused whose check asks %s', (_title, check, words) => {
    expect(faults(check)).toMatch(words);
  });
});
