// Several tenants, relays and consumers on a real broker: tests/support/kafka.ts, tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EventSink } from '../../events/event-sink.ts';
import { KafkaSink } from '../../events/kafka-sink.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { type ConsumerGroup, firstByKey, kafkaBrokers, kafkaClient, Notebook } from '../support/kafka.ts';
import { EventScene, idsByKey } from './event-scene.ts';

const patience = { timeout: 60_000, interval: 50 };
const switches = ['a', 'b', 'c', 'd', 'e', 'f'];
let scene: EventScene;
let tenants: string[];
let notebooks: Notebook[];
let sinks: KafkaSink[];
beforeEach(async () => {
  scene = await EventScene.open();
  tenants = [scene.fixture.tenant, await scene.fixture.database.createTenant(), await scene.fixture.database.createTenant()];
  notebooks = [];
  sinks = [];
});
afterEach(async () => {
  await Promise.all([...notebooks, ...sinks].map((one) => one.close()));
  await scene?.close();
});

const announce = (count: number) => Promise.all(tenants.map((tenant) => scene.announce(switches, count, { tenant, each: 5 })));
const stored = async () => (await Promise.all(tenants.map((tenant) => scene.stored(tenant)))).flat();
const openSink = (topic: string) => {
  const sink = new KafkaSink({ brokers: [kafkaBrokers()], topic, partitions: 2 }, openLogger('test'));
  sinks.push(sink);
  return sink;
};
const join = async (topic: string, group?: ConsumerGroup) => {
  const notebook = await Notebook.open(topic, kafkaClient(), group);
  notebooks.push(notebook);
  return notebook;
};

it('with a topic for each tenant nobody reads of another', async () => {
  await announce(5);
  await scene.publishAll(openSink(`${scene.topic}-{tenant}`));
  for (const tenant of tenants) {
    const own = await scene.stored(tenant);
    const { received } = await join(`${scene.topic}-${tenant}`);
    await expect.poll(() => firstByKey(received), patience).toEqual(idsByKey(own));
    expect(new Set(received.map(({ headers }) => headers.ce_tenant))).toEqual(new Set([tenant]));
  }
});

it('a group whose members come and go, while two relays publish of which one dies, gets each event, in the order of its key', {
  timeout: 240_000,
}, async () => {
  await announce(10);
  await scene.publishAll();
  const group: ConsumerGroup = { id: randomUUID(), received: [] };
  const one = await join(scene.topic, group);
  await expect.poll(() => one.partitions, patience).toEqual([0, 1, 2]);
  await expect.poll(() => group.received.length, patience).toBeGreaterThan(0);

  // Another joins while two relays publish; one dies between sending and noting it, and the other takes its lanes over.
  await announce(40);
  let sent = 0;
  const dying: EventSink = {
    async publish(events) {
      await scene.sink.publish(events);
      if (++sent === 2) throw new Error('killed here');
    },
    close: async () => {},
  };
  const relays = Promise.allSettled([scene.publishAll(dying), scene.publishAll(openSink(scene.topic))]);
  const two = await join(scene.topic, group);
  await expect.poll(() => [one.partitions.length, two.partitions.length].sort(), patience).toEqual([1, 2]);
  expect([...one.partitions, ...two.partitions].sort()).toEqual([0, 1, 2]);
  await relays;

  // The first leaves while events flow.
  await announce(20);
  await Promise.all([scene.publishAll(), scene.publishAll(openSink(scene.topic)), one.close()]);
  notebooks.splice(notebooks.indexOf(one), 1);
  await expect.poll(() => two.partitions, patience).toEqual([0, 1, 2]);

  const expected = await stored();
  await expect.poll(() => new Set(group.received.map(({ headers }) => headers.ce_id)).size, patience).toBe(expected.length);
  for (const tenant of tenants) {
    const own = group.received.filter(({ headers }) => headers.ce_tenant === tenant);
    expect(firstByKey(own)).toEqual(idsByKey(expected.filter((event) => event.tenant === tenant)));
  }
});
