// What is told of everything that can be told, by each way on which it is told, against what is published of it; on clones from tests/support/database.ts and a real broker,
// tests/support/kafka.ts.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, describe, expect, it } from 'vitest';
import { type CloudEvent, schemaNameOf } from '../../ontology/cloud-event.ts';
import { eventDataSchema } from '../../ontology/event-data.ts';
import { type EventType, events, isSentAlone, logEntries } from '../../ontology/events.ts';
import type { Depot } from '../effects/parcel-depot.ts';
import type { Fixture } from '../store/fixture.ts';
import { actInDepot, actInOffice, actInTrouble } from './act-everything.ts';
import { PublishedContract } from './published-contract.ts';
import { hearAll, holdAndResolve, type Told } from './told-events.ts';

let office: Fixture | undefined;
const depots: Depot[] = [];
afterAll(async () => {
  await office?.close();
  for (const depot of depots) await depot.close();
});

interface Heard {
  /** Of each tenant that acted. */
  each: Told[];
  /** Of all, as pages tell it. */
  told: CloudEvent[];
}

let hearing: Promise<Heard> | undefined;

/** Whichever case asks first lets everything happen. */
function heard(): Promise<Heard> {
  hearing ??= actAndHear();
  return hearing;
}

async function actAndHear(): Promise<Heard> {
  office = await actInOffice();
  depots.push(await actInDepot());
  depots.push(await actInTrouble());
  const each: Told[] = [];
  for (const fixture of [office, ...depots.map((depot) => depot.fixture)]) each.push(await hearAll(fixture));
  return { each, told: [...each.flatMap(({ paged }) => paged), ...(await holdAndResolve())] };
}

/** Types of the catalogue that Kafka is not seen to bring, each with the reason; pages bring all of them. */
const notSeenInKafka: Partial<Record<EventType, string>> = {
  'event.hold_resolved': 'told of a topic that takes no such event: it is heard by pages',
  'subscription.test': 'sent to an endpoint alone',
};

const contract = new PublishedContract();
const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
const catalogue = Object.keys(events) as EventType[];
const checks = new Map(catalogue.map((type) => [type as string, ajv.compile(eventDataSchema(type))]));
const missing = (types: Iterable<string>) => {
  const met = new Set([...types].map(schemaNameOf));
  return catalogue.filter((type) => !met.has(type)).sort();
};

describe('the catalogue of events', () => {
  it('describes every event as pages and streams tell it: type, attributes, subject, and data by the schema at `dataschema`', async () => {
    const { told } = await heard();
    expect(told.flatMap((event) => contract.faultsOfEvent(event))).toEqual([]);
  });

  it('describes every record of Kafka: headers, key and value', async () => {
    const { each } = await heard();
    expect(each.flatMap(({ records }) => records.flatMap((record) => contract.faultsOfRecord(record)))).toEqual([]);
  });

  it('describes everything that an endpoint is sent: headers and body', async () => {
    const { each } = await heard();
    expect(each.flatMap(({ requests }) => requests.flatMap((request) => contract.faultsOfWebhook(request)))).toEqual([]);
  });

  it('has no type that nobody has ever told', async () => {
    const { told, each } = await heard();
    const met = new Set(told.map(({ type }) => schemaNameOf(type)));
    for (const type of [...Object.keys(logEntries), 'object.changes']) expect(met.has(type), type).toBe(false);
    expect(missing(met)).toEqual(catalogue.filter(isSentAlone));
    const inKafka = each.flatMap(({ records }) => records.map(({ headers }) => headers.ce_type ?? ''));
    expect(missing(inKafka)).toEqual(Object.keys(notSeenInKafka).sort());
    expect(missing(each.flatMap(({ requests }) => requests.map(({ event }) => event.type)))).toEqual(['event.hold_resolved']);
  });

  it('is told alike on every way', async () => {
    for (const { paged, records, requests } of (await heard()).each) {
      const ids = paged.map(({ id }) => id).sort();
      expect([...new Set(records.map(({ headers }) => headers.ce_id))].sort()).toEqual(ids);
      expect([...new Set(requests.filter(({ event }) => event.type !== 'subscription.test').map(({ event }) => event.id))].sort()).toEqual(
        ids,
      );
    }
  });

  it('is not what it was where an event has another subject, an attribute more, or data that are not as they were', async () => {
    const { told } = await heard();
    const event = told.find(({ type }) => type === 'switch.changed') as CloudEvent;
    const faultsOf = (change: object) => contract.faultsOfEvent({ ...event, ...change });
    expect(faultsOf({ subject: 'switch' })).toHaveLength(1);
    expect(faultsOf({ partition: '1' })).toHaveLength(1);
    expect(faultsOf({ dataschema: '/schemas/events/switch.json' }).length).toBeGreaterThan(0);
    expect(faultsOf({ data: { ...event.data, state: 'half' } }).length).toBeGreaterThan(1); // By the document, the schema and the release.
    expect(faultsOf({ type: 'switch.turned' })).toHaveLength(2);
  });

  it('promises of each type what an event without its data does not keep', () => {
    for (const [type, check] of checks) expect(check({}), type).toBe(false);
  });
});

describe('what people wrote', () => {
  it('is in no event, where nobody could erase it', async () => {
    const { told } = await heard();
    const text = JSON.stringify(told);
    for (const words of ['a secret reason', 'by telephone', 'another name', 'it was', 'fire']) expect(text).not.toContain(words);
  });

  it('and what is sensitive is not in a message either: everybody hears it', async () => {
    const { told } = await heard();
    const messages = told.filter(({ type }) => type.startsWith('message.'));
    expect(messages.find(({ type }) => type === 'message.handed-over')?.data).toMatchObject({ data: { parcel: 'P1', to: 'north' } });
    expect(messages.find(({ type }) => type === 'message.gossip')?.data).toMatchObject({ data: { $masked: true } });
  });
});
