// The example consumer, a process of its own, on a real broker and database: tests/support/kafka.ts, tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type EventSink, EventsRefused } from '../../events/event-sink.ts';
import { KafkaSink, messageOf } from '../../events/kafka-sink.ts';
import { EventPublisher } from '../../events/publish-events.ts';
import { applyEvent, tables } from '../../examples/event-consumer/apply-event.ts';
import { eventOf } from '../../examples/event-consumer/event-of.ts';
import { DataMissing, readData } from '../../examples/event-consumer/read-data.ts';
import { byReference, type CloudEvent } from '../../ontology/cloud-event.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { EvidenceScene } from '../evidence/evidence-scene.ts';
import { kafkaBrokers } from '../support/kafka.ts';
import { startKillable } from '../support/killable-process.ts';
import { EventScene } from './event-scene.ts';

let scene: EventScene;
let client: pg.Client;
beforeEach(async () => {
  scene = await EventScene.open();
  client = new pg.Client({ connectionString: scene.fixture.database.urls.superuser });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await scene?.close();
});

async function expectCopies(of: pg.Client, count: number): Promise<void> {
  const { rows: copies } = await of.query(
    'SELECT type, id, version::int AS version, properties FROM replica ORDER BY type, id COLLATE "C"',
  );
  const { rows: objects } = await of.query(
    'SELECT type, id, version::int AS version, properties FROM exequatur.object WHERE alive ORDER BY type, id COLLATE "C"',
  );
  expect(objects).toHaveLength(count);
  expect(copies).toEqual(objects);
}

it('a consumer with an inbox ends with the objects as they are, although it is killed and everything is sent twice', {
  timeout: 120_000,
}, async () => {
  const { fixture, sink } = scene;
  const rooms = Array.from({ length: 30 }, (_, at) => ({ code: `R${at}` }));
  await fixture.done('addFloor', { name: 'F1', rooms });
  for (const [seats, { code }] of rooms.entries()) await fixture.done('setSeats', { room: code, seats: seats + 1 });
  await scene.publishAll();
  await sink.publish(await scene.stored()); // All of it again.

  const consumer = startKillable('consumer', 'examples/event-consumer/consume.ts', {
    DATABASE_URL: fixture.database.urls.superuser,
    KAFKA_BROKERS: kafkaBrokers(),
    KAFKA_TOPIC: scene.topic,
    KAFKA_GROUP: scene.topic,
    KAFKA_SESSION_TIMEOUT_MS: '6000',
  });
  try {
    const received = async () => (await client.query<{ n: number }>('SELECT count(*)::int AS n FROM inbox')).rows[0]?.n ?? 0;
    const receivedAny = () => received().catch(() => 0); // The table is not there yet.
    await expect.poll(receivedAny, { interval: 5 }).toBeGreaterThan(0);
    consumer.kill();
    await expect.poll(received, { interval: 100 }).toBe((await scene.stored()).length);
    await expectCopies(client, 31);
  } finally {
    await consumer.stop();
  }
});

/** Has room for no object, as a broker has none for a very large one. */
function withoutRoom(sink: EventSink): EventSink {
  return {
    async publish(events) {
      if (events.some(({ type, data }) => type.startsWith('object.') && data !== undefined)) throw new EventsRefused('MESSAGE_TOO_LARGE');
      await sink.publish(events);
    },
    close: () => sink.close(),
  };
}

it('a consumer reads what had no room in its record from the API, and ends where it is not told how, with nothing passed over', {
  timeout: 120_000,
}, async () => {
  const evidence = await EvidenceScene.open();
  const topic = `events-${randomUUID()}`;
  const sink = withoutRoom(new KafkaSink({ brokers: [kafkaBrokers()], topic, partitions: 1 }, openLogger('test')));
  const { api, superuser } = evidence;
  const consume = (access: Record<string, string>, onLine: (line: string) => void) =>
    startKillable(
      'consumer',
      'examples/event-consumer/consume.ts',
      {
        DATABASE_URL: api.database.urls.superuser,
        KAFKA_BROKERS: kafkaBrokers(),
        KAFKA_TOPIC: topic,
        KAFKA_GROUP: randomUUID(),
        ...access,
      },
      onLine,
    );
  try {
    for (let floor = 0; floor < 3; floor++) await evidence.act();
    const publisher = new EventPublisher({ pool: evidence.relay, sink, leaseMs: 60_000 });
    while (await publisher.round()) await publisher.settle();

    const lines: string[] = [];
    const lost = consume({}, (line) => void lines.push(line));
    await expect.poll(() => lines.join('\n')).toContain('it is not known whom to ask');
    await lost.stop();
    const objectEvents = async () =>
      (await superuser.query("SELECT count(*)::int AS n FROM inbox i JOIN exequatur.outbox o ON i.id LIKE o.id || '.%'")).rows[0]
        .n as number;
    expect(await objectEvents()).toBe(0);

    const told = consume(
      { API_URL: api.url, API_TOKENS: JSON.stringify({ [api.tenant]: await api.token({ id: 'auditor-1' }) }) },
      () => {},
    );
    await expect.poll(objectEvents, { interval: 100 }).toBe(3);
    await told.stop();
    await expectCopies(superuser, 3);
  } finally {
    await sink.close();
    await evidence.close();
  }
});

it('a change that comes behind later ones alters nothing that they said, and brings back nothing that was deleted', async () => {
  await client.query(tables);
  let events = 0;
  const come = (type: string, version: number, set: object = {}) =>
    applyEvent(client, { source: 's', id: String(++events), type, data: { type: 'room', id: 'A1', version, set: { ...set }, unset: [] } });
  const copies = async () => (await client.query('SELECT version::int, properties FROM replica')).rows;
  await come('object.created', 1, { seats: 1 });
  await come('object.modified', 3, { seats: 3 });
  await come('object.modified', 2, { seats: 2, note: 'late' });
  expect(await copies()).toEqual([{ version: 3, properties: { seats: 3, note: 'late' } }]);
  await come('object.deleted', 5);
  await come('object.modified', 4, { seats: 4 });
  expect(await copies()).toEqual([]);
});

it('data are what the API says of this event, to a token of its tenant, and to no other address', async () => {
  const evidence = await EvidenceScene.open();
  try {
    const { api, superuser } = evidence;
    await evidence.act();
    const { body } = await evidence.auditor.get('/v1/events');
    const whole = (body.events as CloudEvent[]).find(({ type }) => type === 'object.created');
    if (whole === undefined) throw new Error('no object was created');
    const { headers, value } = messageOf(byReference(whole));
    const event = eventOf({ headers: headers ?? {}, value: value as null });
    const access = { apiUrl: api.url, tokens: { [api.tenant]: await api.token({ id: 'auditor-1' }) } };
    expect(await readData(event, access)).toEqual(whole.data);

    const other = await api.database.createTenant();
    const ofOther = { [other]: await api.token({ id: 'auditor-1', tenant: other }) };
    for (const [what, one, asked] of [
      ['nobody is asked', {}, { apiUrl: undefined }],
      ['no token', {}, { tokens: {} }],
      ['no token any more', {}, { tokens: { [api.tenant]: 'x' } }],
      ['of another tenant', { tenant: other }, { tokens: ofOther }],
      ['of another source', { source: `urn:exequatur:tenant:${other}` }, {}],
      ['another event', { id: randomUUID() }, {}],
      ['elsewhere', { dataref: 'http://127.0.0.1:1/v1/events/1' }, {}],
      ['nowhere', { dataref: null }, {}],
    ] as const)
      await expect(readData({ ...event, ...one }, { ...access, ...asked }), what).rejects.toBeInstanceOf(DataMissing);

    await superuser.query(`UPDATE exequatur.event_feed SET deleted_seq = 1000000; DELETE FROM exequatur.outbox`);
    await expect(readData(event, access), 'deleted').rejects.toBeInstanceOf(DataMissing);
  } finally {
    await evidence.close();
  }
});
