import { type Admin, type IHeaders, Kafka, type KafkaConfig, type Message, Partitioners, type Producer } from 'kafkajs';
import type { CloudEvent } from '../ontology/cloud-event.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type EventSink, EventsRefused } from './event-sink.ts';

export interface KafkaSettings {
  brokers: string[];
  /** With `{tenant}` in it each tenant has a topic of its own. */
  topic: string;
  /** Of topics that are made here: those that do not exist when the first event is published. */
  partitions: number;
  ssl?: KafkaConfig['ssl'];
  sasl?: KafkaConfig['sasl'];
}

const requestTimeoutMs = 10_000;
const retries = 4; // Within some two seconds; then the round fails, the lane's claim is given up, and whoever has it next tries again.

/** What a broker answers to a record that it takes neither now nor later. */
const refusals = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TIMESTAMP']);

/**
 * Publishes to Kafka in CloudEvents' binary content mode, acknowledged by all replicas in sync. Not with an idempotent producer: what a retry or another relay sends again
 * has the id that it had, and the first of each comes in order either way.
 */
export class KafkaSink implements EventSink {
  private readonly producer: Producer;
  private readonly admin: Admin;
  private readonly topics = new Map<string, Promise<void>>();
  private connecting: Promise<void> | undefined;
  private readonly settings: KafkaSettings;

  constructor(settings: KafkaSettings, logger: Logger) {
    this.settings = settings;
    const { brokers, ssl, sasl } = settings;
    const kafka = new Kafka({
      clientId: 'exequatur-relay',
      brokers,
      requestTimeout: requestTimeoutMs,
      retry: { retries, initialRetryTime: 100, maxRetryTime: 1_000 },
      logCreator:
        () =>
        ({ log: { message, logger: _, timestamp: __, ...more } }) =>
          logger.debug(more, message), // What matters of it comes as an error and is logged once, by the round that failed.
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
    });
    this.producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner });
    this.admin = kafka.admin();
  }

  async publish(events: readonly CloudEvent[]): Promise<void> {
    const [first] = events;
    if (first === undefined) return;
    const topic = this.settings.topic.replace('{tenant}', first.tenant);
    await this.ready(topic);
    try {
      await this.producer.send({ topic, acks: -1, timeout: requestTimeoutMs, messages: events.map(messageOf) });
    } catch (error) {
      const refused = typeOf(error);
      if (refused !== null && refusals.has(refused)) throw new EventsRefused(refused, { cause: error });
      if (refused === 'UNKNOWN_TOPIC_OR_PARTITION') this.topics.delete(topic); // Deleted meanwhile: it is made again.
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.producer.disconnect(), this.admin.disconnect()]);
  }

  private async ready(topic: string): Promise<void> {
    this.connecting ??= this.connect();
    try {
      await this.connecting;
      let made = this.topics.get(topic);
      if (made === undefined) {
        made = this.makeTopic(topic);
        this.topics.set(topic, made);
      }
      await made;
    } catch (error) {
      this.connecting = undefined;
      this.topics.delete(topic);
      throw error;
    }
  }

  private async connect(): Promise<void> {
    await Promise.all([this.producer.connect(), this.admin.connect()]);
  }

  /** Left as it is where it exists. */
  private async makeTopic(topic: string): Promise<void> {
    const existing = await this.admin.listTopics();
    if (existing.includes(topic)) return;
    await this.admin.createTopics({
      topics: [{ topic, numPartitions: this.settings.partitions, replicationFactor: -1 }],
      waitForLeaders: true,
    });
  }
}

/** The protocol's name for what went wrong, if a broker said it. */
function typeOf(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type;
  }
  return null;
}

/** CloudEvents' Kafka protocol binding, binary content mode. */
export function messageOf({ data, datacontenttype, ...attributes }: CloudEvent): Message {
  const headers: IHeaders = { 'content-type': datacontenttype };
  for (const [name, value] of Object.entries(attributes)) headers[`ce_${name}`] = String(value);
  if (attributes.traceparent !== undefined) headers.traceparent = attributes.traceparent; // Where tracing libraries look for it.
  return {
    key: attributes.partitionkey,
    value: data === undefined ? null : JSON.stringify(data),
    headers,
  };
}
