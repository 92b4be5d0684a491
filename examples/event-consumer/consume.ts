/**
 * Keeps copies of all objects in a database of its own, from the events in Kafka: `DATABASE_URL=… KAFKA_BROKERS=… npx tsx examples/event-consumer/consume.ts`. It may be
 * killed at any time, and any number of them may run in one group. An event that is too large for its record is read from the API: `API_URL=…`, and a token for each tenant,
 * `API_TOKENS='{"<tenant>": "<token>"}'`. Where it cannot be read there, the consumer ends with 1 and the event is the next again.
 */
import { Kafka } from 'kafkajs';
import pg from 'pg';
import { applyEvent, isCopied, tables } from './apply-event.ts';
import { eventOf } from './event-of.ts';
import { DataMissing, readData } from './read-data.ts';

const { DATABASE_URL, KAFKA_BROKERS = '127.0.0.1:9092', KAFKA_TOPIC = 'exequatur.events', KAFKA_GROUP = 'replica' } = process.env;
const sessionTimeout = Number(process.env.KAFKA_SESSION_TIMEOUT_MS ?? 30_000); // After so long the partitions of a consumer that was killed are another's.
const access = { apiUrl: process.env.API_URL, tokens: JSON.parse(process.env.API_TOKENS ?? '{}') as Record<string, string> };
const pool = new pg.Pool({ connectionString: DATABASE_URL });
await pool.query(tables);
const consumer = new Kafka({ clientId: 'replica', brokers: KAFKA_BROKERS.split(',') }).consumer({ groupId: KAFKA_GROUP, sessionTimeout });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => consumer.disconnect().then(() => pool.end()));

await consumer.connect();
await consumer.subscribe({ topic: KAFKA_TOPIC, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const event = eventOf(message);
    // Before the transaction, which waits for nobody.
    if (event.data === null && isCopied(event.type)) event.data = await readData(event, access).catch(stopWhereMissing);
    const client = await pool.connect();
    try {
      await applyEvent(client, event);
    } finally {
      client.release();
    }
  },
});

/** All else is tried again by kafkajs, and the event is the next until it is applied. */
function stopWhereMissing(error: unknown): never {
  if (!(error instanceof DataMissing)) throw error;
  console.error(error.message);
  process.exit(1);
}
