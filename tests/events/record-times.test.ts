// What a broker makes of when an event happened, on a broker of its own that looks every second for what it has kept long enough.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Admin, Producer } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KafkaSink } from '../../events/kafka-sink.ts';
import { cloudEvent } from '../../ontology/cloud-event.ts';
import { type KafkaBroker, startKafkaBroker } from '../../scripts/kafka/kafka-broker.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { kafkaClient } from '../support/kafka.ts';

let directory: string;
let broker: KafkaBroker;
let sink: KafkaSink;
let admin: Admin;
let producer: Producer;
const topic = 'events';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'record-times-'));
  const keepsADay = { 'log.retention.hours': '24', 'log.retention.check.interval.ms': '1000', 'log.initial.task.delay.ms': '0' };
  broker = await startKafkaBroker({ directory, settings: () => keepsADay });
  sink = new KafkaSink({ brokers: [broker.address], topic, partitions: 1 }, openLogger('test'));
  const kafka = kafkaClient(broker.address);
  [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
});
afterAll(async () => {
  await Promise.all([sink?.close(), admin?.disconnect(), producer?.disconnect()]);
  await broker?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const happenedAt = (at: string, seq: number) =>
  cloudEvent({
    ...{ tenant: '00000000-0000-0000-0000-000000000001', seq, ordinal: 1, at, id: `of ${at}`, type: 'switch.changed', data: {} },
    ...{ subject: 'switch/tenant/all', key: 'switch/tenant/all', traceparent: null },
  });
const kept = async (name: string) => {
  const [partition] = await admin.fetchTopicOffsets(name);
  return [partition?.low, partition?.high];
};

it('an event that waited for longer than the topic keeps records is there for whoever reads it then', async () => {
  await sink.publish([happenedAt('2001-01-01T00:00:00.000Z', 1)]);
  const other = 'records-of-long-ago';
  await admin.createTopics({ topics: [{ topic: other, numPartitions: 1 }] });
  // The second one went after all topics had been looked at.
  for (const gone of ['1', '2']) {
    await producer.send({ topic: other, messages: [{ value: 'x', timestamp: String(Date.parse('2001-01-01T00:00:00.000Z')) }] });
    await expect.poll(() => kept(other)).toEqual([gone, gone]);
  }
  expect(await kept(topic)).toEqual(['0', '1']);
});

it('and one that the database’s clock, hours ahead of the broker’s, dates is taken like any other', async () => {
  await sink.publish([happenedAt('2101-01-01T00:00:00.000Z', 2)]);
  expect(await kept(topic)).toEqual(['0', '2']);
});
