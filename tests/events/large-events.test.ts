// Pages of events that are large, as lanes and readers get them; on a clone from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginning, type CloudEvent, type Position, placeOf } from '../../ontology/cloud-event.ts';
import { openPool } from '../../store/connect.ts';
import { laneEvents } from '../../store/event-lanes.ts';
import { listEvents } from '../../store/list-events.ts';
import { type EventPage, readEvents } from '../../store/read-events.ts';
import { expectDone, type Fixture, openFixture } from '../store/fixture.ts';
import { tell } from './event-scene.ts';

const count = 12;
const megabyte = 1024 * 1024;
let fixture: Fixture;
let relay: pg.Pool;
beforeAll(async () => {
  fixture = await openFixture();
  relay = openPool(fixture.database.urls.relay, { max: 1 });
  for (let turn = 0; turn < count; turn++) {
    await fixture.inApi(async (tx) => {
      tell(tx, 'large', { turn, padding: 'x'.repeat(megabyte) });
      tell(tx, 'small', { turn });
    });
  }
});
afterAll(async () => {
  await relay?.end();
  await fixture?.close();
});

const bytesOf = (events: readonly CloudEvent[]) => events.reduce((sum, { data }) => sum + JSON.stringify(data).length, 0);
const turns = (events: readonly CloudEvent[]) => events.map(({ subject, data }) => `${subject} ${data?.turn}`);

async function allPages(read: (after: Position) => Promise<EventPage>): Promise<CloudEvent[][]> {
  const pages: CloudEvent[][] = [];
  for (let after = beginning; ; ) {
    const { events, next } = await read(after);
    if (next.seq === after.seq && next.ordinal === after.ordinal) return pages;
    pages.push(events);
    after = next;
  }
}

async function expectAll(pages: CloudEvent[][], mostBytes: number): Promise<void> {
  const told = turns(pages.flat()).filter((text) => text.startsWith('switch/'));
  expect(told).toEqual(Array.from({ length: count }, (_, turn) => [`switch/large ${turn}`, `switch/small ${turn}`]).flat());
  for (const page of pages) if (page.length > 1) expect(bytesOf(page)).toBeLessThanOrEqual(mostBytes);
}

describe('a page of large events', () => {
  it('holds no more bytes than were asked for, but one event always, and none is missed', async () => {
    for (const bytes of [1, 1.5 * megabyte, 5.5 * megabyte]) {
      const pages = await allPages((after) => laneEvents(relay, fixture, after, { limit: 500, bytes: Math.round(bytes) }));
      await expectAll(pages, bytes);
      expect(Math.max(...pages.map((page) => page.length))).toBeGreaterThanOrEqual(1);
    }
  });

  it('is no larger for readers of the API, who ask for so many events and get fewer', async () => {
    await expectAll(
      await allPages((after) => fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, after, limit: 500 }))),
      megabyte,
    );
    const first = expectDone(await fixture.inApi((tx) => listEvents(tx, fixture.tenant, { after: beginning, pageSize: 100 })));
    expect(first.events.length).toBeLessThan(2 * count);
    expect(bytesOf(first.events)).toBeLessThan(6 * megabyte);
    expect(first.nextPageToken).not.toBeNull();
  });

  it('is bounded within an execution as well', async () => {
    await fixture.done('addFloor', { name: 'F1', rooms: Array.from({ length: 300 }, (_, at) => ({ code: `R${at}` })) });
    const [floor] = (
      await fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, after: beginning, limit: 500, bytes: 1e9 }))
    ).events.filter(({ subject }) => subject === 'object/floor/F1');
    const seq = placeOf(floor as CloudEvent).seq - 1;
    const { events } = await laneEvents(relay, fixture, { seq, ordinal: 1 }, { limit: 500, bytes: 4_096 });
    expect(bytesOf(events)).toBeLessThanOrEqual(4_096);
    expect(events.length).toBeGreaterThan(5);
  });
});
