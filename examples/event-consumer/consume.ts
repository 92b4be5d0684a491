/**
 * Keeps copies of all objects in a database of its own, from the events in Kafka: `DATABASE_URL=… KAFKA_BROKERS=… npx tsx examples/event-consumer/consume.ts`. It may be
 * killed at any time, and any number of them may run in one group.
 */
import { Kafka } from 'kafkajs';
import pg from 'pg';
import { applyEvent, tables } from './apply-event.ts';
import { eventOf } from './event-of.ts';

const { DATABASE_URL, KAFKA_BROKERS = '127.0.0.1:9092', KAFKA_TOPIC = 'exequatur.events', KAFKA_GROUP = 'replica' } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL });
await pool.query(tables);
const consumer = new Kafka({ clientId: 'replica', brokers: KAFKA_BROKERS.split(',') }).consumer({ groupId: KAFKA_GROUP });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => consumer.disconnect().then(() => pool.end()));

await consumer.connect();
await consumer.subscribe({ topic: KAFKA_TOPIC, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const client = await pool.connect();
    try {
      await applyEvent(client, eventOf(message));
    } finally {
      client.release();
    }
  },
});
