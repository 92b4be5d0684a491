import type pg from 'pg';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CloudEvent } from '../ontology/cloud-event.ts';
import { eventBacklog } from '../store/event-lanes.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type KafkaSettings, KafkaSink } from './kafka-sink.ts';
import type { Round } from './poll.ts';
import { EventPublisher } from './publish-events.ts';

const everyMs = 10; // While events flow; each pause doubles while none come,
const quietMs = 100; // up to this, which is the most that a single event waits.
const backlogEveryMs = 5_000;
const leaseMs = 15_000; // How long a killed relay's lanes wait for another, and one that failed for its next turn.

/** Publishing to Kafka, with its figures. */
export function publishingRounds(options: {
  pool: pg.Pool;
  kafka: KafkaSettings;
  registry: Registry;
  logger: Logger;
  signal: AbortSignal;
}): { rounds: Round[]; close(): Promise<void> } {
  const { pool, logger, signal } = options;
  const sink = new KafkaSink(options.kafka, logger);
  const figures = openFigures(options.registry);
  const publisher = new EventPublisher({
    pool,
    sink,
    leaseMs,
    signal,
    onPublished: (events: readonly CloudEvent[]) => figures.count(events),
    onHeld: (event: CloudEvent, reason: string) =>
      logger.error(
        { tenant: event.tenant, key: event.partitionkey, event: event.id, reason },
        'an event is not taken; its key waits for an operator',
      ),
  });
  const backlog = async () => {
    figures.show(await eventBacklog(pool));
    return false;
  };
  return {
    rounds: [
      { name: 'publish', everyMs, quietMs, work: () => publisher.round() },
      { name: 'backlog', everyMs: backlogEveryMs, work: backlog },
    ],
    async close() {
      await publisher.settle();
      await sink.close();
    },
  };
}

function openFigures(registry: Registry) {
  const registers = [registry];
  const published = new Counter({
    name: 'exequatur_events_published_total',
    help: 'Events that Kafka has taken, repeats included.',
    registers,
  });
  const lateness = new Histogram({
    name: 'exequatur_event_delay_seconds',
    help: 'From the entry in the log to Kafka\u2019s acknowledgement.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 5, 30, 300, 3_600],
    registers,
  });
  const backlog = new Gauge({
    name: 'exequatur_events_backlog',
    help: 'Entries of all logs whose events are still to be published.',
    registers,
  });
  const oldest = new Gauge({ name: 'exequatur_events_oldest_seconds', help: 'How long the oldest of them has waited.', registers });
  const held = new Gauge({
    name: 'exequatur_events_held_keys',
    help: 'Keys whose next event is not taken, which wait for an operator.',
    registers,
  });
  return {
    count(events: readonly CloudEvent[]) {
      published.inc(events.length);
      const now = Date.now();
      for (const { time } of events) lateness.observe(Math.max(0, now - Date.parse(time)) / 1_000);
    },
    show(now: { entries: number; oldestMs: number; heldKeys: number }) {
      backlog.set(now.entries);
      oldest.set(now.oldestMs / 1_000);
      held.set(now.heldKeys);
    },
  };
}
