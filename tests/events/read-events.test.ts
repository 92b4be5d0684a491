// What may be read of a tenant's events, in which order, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginning, type CloudEvent, type Position, parseSequence } from '../../ontology/cloud-event.ts';
import { readEvents } from '../../store/read-events.ts';
import { withTenant } from '../../store/sql.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A', seats: 4 }, { code: 'B' }, { code: 'C', seats: 9 }] });
  await fixture.done('join', { a: 'A', b: 'B' });
  await fixture.done('setSeats', { room: 'A', seats: 5 });
});
afterAll(() => fixture.close());

const page = (after: Position, limit: number) => fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, after, limit }));

async function all(limit: number): Promise<CloudEvent[]> {
  const found: CloudEvent[] = [];
  for (let after = beginning; ; ) {
    const { events, next } = await page(after, limit);
    if (next.seq === after.seq && next.ordinal === after.ordinal) return found;
    expect(events.length).toBeLessThanOrEqual(limit);
    found.push(...events);
    after = next;
  }
}

describe('events', () => {
  it('come in the order of commits, one per object that an execution changed', async () => {
    const events = await all(1_000);
    const sequences = events.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...sequences].sort());
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    const ofObjects = events.filter(({ type }) => /^(object|link)\./.test(type));
    expect(ofObjects.map(({ type, subject, partitionkey }) => `${type} ${subject} by ${partitionkey}`)).toEqual([
      'object.created object/floor/F1 by floor/F1',
      'object.created object/room/A by room/A',
      'object.created object/room/B by room/B',
      'object.created object/room/C by room/C',
      'link.created link/neighbours/A/B by neighbours/A/B',
      'object.modified object/room/A by room/A',
    ]);
    expect(ofObjects.at(-1)).toMatchObject({
      specversion: '1.0',
      source: `urn:exequatur:tenant:${fixture.tenant}`,
      data: { type: 'room', id: 'A', version: 2, set: { seats: 5 }, unset: [], masked: [], undo: false },
    });
  });

  it('are the same however small the pages are', async () => {
    const whole = await all(1_000);
    for (const limit of [1, 2, 3, 5]) expect(await all(limit)).toEqual(whole);
  });

  it('go on behind any of them', async () => {
    const whole = await all(1_000);
    for (const [index, { sequence }] of whole.entries()) {
      const place = parseSequence(sequence);
      const { events } = await page({ seq: (place?.seq ?? 0) - 1, ordinal: place?.ordinal ?? 0 }, 1_000);
      expect(events).toEqual(whole.slice(index + 1));
    }
  });

  it('are each tenant’s own', async () => {
    const other = await fixture.database.createTenant();
    const read = (tenant: string) =>
      withTenant(fixture.api, other, (tx) => readEvents(tx, { tenant, after: beginning, limit: 10 }), {
        isolation: 'repeatable read read only',
      });
    expect((await read(fixture.tenant)).events).toEqual([]);
    expect((await page(beginning, 10)).events).not.toEqual([]);
  });
});
