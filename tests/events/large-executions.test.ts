// What it costs to read an execution of many edits in pages, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginning, type CloudEvent, type Position, placeOf } from '../../ontology/cloud-event.ts';
import { readEvents } from '../../store/read-events.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';

const rooms = 8_000;
const pageSize = 100;
let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.done('addFloor', { name: 'F1', rooms: rows('R', rooms) });
});
afterAll(() => fixture?.close());

const rows = (letter: string, count: number) =>
  Array.from({ length: count }, (_, at) => ({ code: `${letter}${String(at).padStart(5, '0')}`, seats: at }));

const page = (after: Position, limit = pageSize) => fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, after, limit }));

async function all(): Promise<CloudEvent[]> {
  const found: CloudEvent[] = [];
  for (let after = beginning; ; ) {
    const { events, next } = await page(after);
    if (next.seq === after.seq && next.ordinal === after.ordinal) return found;
    found.push(...events);
    after = next;
  }
}

/** Pages of 8 KiB that PostgreSQL looked at for a page of events behind a position. */
async function blocksRead({ seq, ordinal }: Position): Promise<number> {
  const [row] = await fixture.inApi((tx) =>
    tx.rows<{ 'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number; 'Shared Read Blocks': number } }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM exequatur.events_after('${fixture.tenant}', ${seq}, ${ordinal}, ${pageSize}, 1000000000, NULL)`,
    ),
  );
  const plan = row?.['QUERY PLAN'][0].Plan;
  if (plan === undefined) throw new Error('there is no plan');
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

describe('an execution of many edits', () => {
  it('is told edit by edit, each once, whatever page it is on', async () => {
    const created = (await all()).filter(({ type }) => type === 'object.created');
    expect(created.length).toBe(rooms + 1);
    expect(new Set(created.map(({ subject }) => subject)).size).toBe(rooms + 1);
    expect(created.map((event) => placeOf(event).ordinal)).toEqual(
      created.map((_, at) => (created[0] ? placeOf(created[0]).ordinal : 0) + at),
    );
  });

  it('costs on each of its pages what a small one costs', async () => {
    const firstOf = async (floor: string) => {
      const found = (await all()).find(({ subject }) => subject === `object/floor/${floor}`);
      return placeOf(found as CloudEvent).seq - 1;
    };
    await fixture.done('addFloor', { name: 'F2', rooms: rows('S', pageSize + 50) });
    const [large, small] = [await firstOf('F1'), await firstOf('F2')];
    await blocksRead({ seq: small, ordinal: 1 }); // Plans are made, and the cache is warm.
    const ofSmall = await blocksRead({ seq: small, ordinal: 1 });
    for (const ordinal of [1, rooms / 2, rooms - pageSize]) {
      expect(await blocksRead({ seq: large, ordinal })).toBeLessThan(ofSmall * 1.5);
    }
  });
});
