// The example consumer, a process of its own, on a real broker and database: tests/support/kafka.ts, tests/support/database.ts.
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
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
  });
  try {
    const received = async () => (await client.query<{ n: number }>('SELECT count(*)::int AS n FROM inbox')).rows[0]?.n ?? 0;
    const receivedAny = () => received().catch(() => 0); // The table is not there yet.
    await expect.poll(receivedAny, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
    consumer.kill();
    await expect.poll(received, { timeout: 60_000, interval: 100 }).toBe((await scene.stored()).length);
    const { rows: copies } = await client.query(
      'SELECT type, id, version::int AS version, properties FROM replica ORDER BY type, id COLLATE "C"',
    );
    const { rows: objects } = await client.query(
      'SELECT type, id, version::int AS version, properties FROM exequatur.object WHERE alive ORDER BY type, id COLLATE "C"',
    );
    expect(objects).toHaveLength(31);
    expect(copies).toEqual(objects);
  } finally {
    await consumer.stop();
  }
});
