// What is told of everything that can be told, against what is published of it; on clones from tests/support/database.ts.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginning, type CloudEvent, schemaNameOf } from '../../ontology/cloud-event.ts';
import { eventDataSchema } from '../../ontology/event-data.ts';
import { type EventType, events, logEntries } from '../../ontology/events.ts';
import { readEvents } from '../../store/read-events.ts';
import type { Depot } from '../effects/parcel-depot.ts';
import type { Fixture } from '../store/fixture.ts';
import { actInDepot, actInOffice, actInTrouble } from './act-everything.ts';

let office: Fixture;
let depots: Depot[] = [];
let told: CloudEvent[];
beforeAll(async () => {
  office = await actInOffice();
  depots = [await actInDepot(), await actInTrouble()];
  told = await eventsOf(office);
  for (const { fixture } of depots) told.push(...(await eventsOf(fixture)));
});
afterAll(async () => {
  await office?.close();
  for (const depot of depots) await depot.close();
});

async function eventsOf(fixture: Fixture): Promise<CloudEvent[]> {
  const found: CloudEvent[] = [];
  for (let after = beginning; ; ) {
    const { events, next } = await fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, after, limit: 500 }));
    if (next.seq === after.seq && next.ordinal === after.ordinal) return found;
    found.push(...events);
    after = next;
  }
}

/** Types that nothing above brings about, each with the reason. */
const rare: Partial<Record<EventType, string>> = {
  'audit.checkpoint': 'made by the sealer, and no entry of the log: tests/events/publish-events.test.ts',
  'event.hold_resolved': 'of an event that a broker does not take: tests/events/publish-events.test.ts',
  'subscription.changed': 'tests/store/subscriptions.test.ts',
  'subscription.disabled': 'tests/events/webhooks.test.ts',
  'subscription.test': 'in no log: tests/events/webhooks.test.ts',
  'principal.erased': 'tests/evidence/erasure.test.ts',
};

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
const catalogue = Object.keys(events) as EventType[];
const checks = new Map(catalogue.map((type) => [type as string, ajv.compile(eventDataSchema(type))]));

describe('the catalogue of events', () => {
  it('has every type that is told, and all data fit the schema that is published', () => {
    for (const { type, data } of told) {
      const check = checks.get(schemaNameOf(type));
      expect(check, type).toBeDefined();
      expect(check?.(data) || `${type}: ${ajv.errorsText(check?.errors)}: ${JSON.stringify(data)}`).toBe(true);
    }
  });

  it('has no type that nobody has ever told, but those that are known to be rare', () => {
    const met = new Set(told.map(({ type }) => schemaNameOf(type)));
    for (const type of [...Object.keys(logEntries), 'object.changes']) expect(met.has(type), type).toBe(false);
    expect(catalogue.filter((type) => !met.has(type)).sort()).toEqual(Object.keys(rare).sort());
  });

  it('promises of each type what an event without its data does not keep', () => {
    for (const [type, check] of checks) expect(check({}), type).toBe(false);
  });
});

describe('what people wrote', () => {
  it('is in no event, where nobody could erase it', () => {
    const text = JSON.stringify(told);
    for (const words of ['a secret reason', 'by telephone', 'another name', 'it was', 'fire']) expect(text).not.toContain(words);
  });

  it('and what is sensitive is not in a message either: everybody hears it', () => {
    const messages = told.filter(({ type }) => type.startsWith('message.'));
    expect(messages.find(({ type }) => type === 'message.handed-over')?.data).toMatchObject({ data: { parcel: 'P1', to: 'north' } });
    expect(messages.find(({ type }) => type === 'message.gossip')?.data).toMatchObject({ data: { $masked: true } });
  });
});
