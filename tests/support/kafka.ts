import { randomUUID } from 'node:crypto';
import { type Consumer, type EachMessagePayload, Kafka, logLevel } from 'kafkajs';
import { inject } from 'vitest';

/** host:port of the Kafka broker this test run shares. Tests keep apart by topics of their own. */
export function kafkaBrokers(): string {
  const brokers = inject('kafkaBrokers');
  if (!brokers)
    throw new Error('No Kafka was started for this run: tests/support/servers.ts starts one when a test file names support/kafka.');
  return brokers;
}

export function kafkaClient(brokers = kafkaBrokers()): Kafka {
  return new Kafka({ clientId: 'test', brokers: [brokers], logLevel: logLevel.NOTHING });
}

/** One record as a consumer gets it. */
export interface Received {
  key: string;
  headers: Record<string, string>;
  data: unknown;
}

/** What members of one group share. */
export interface ConsumerGroup {
  id: string;
  /** By whichever member, in the order in which they got it. */
  received: Received[];
}

/** A consumer that writes down all it gets, in the order of each partition. */
export class Notebook {
  readonly received: Received[];
  /** Of the topic, those that its group has given it. */
  partitions: number[] = [];
  private readonly consumer: Consumer;

  private constructor(kafka: Kafka, topic: string, group: ConsumerGroup) {
    this.received = group.received;
    this.consumer = kafka.consumer({ groupId: group.id, heartbeatInterval: 500 }); // How soon it hears that another has joined, or left.
    this.consumer.on('consumer.group_join', ({ payload }) => {
      this.partitions = [...(payload.memberAssignment[topic] ?? [])].sort();
    });
  }

  /** The topic must exist. */
  static async open(topic: string, kafka = kafkaClient(), group: ConsumerGroup = { id: randomUUID(), received: [] }): Promise<Notebook> {
    const notebook = new Notebook(kafka, topic, group);
    await notebook.consumer.connect();
    await notebook.consumer.subscribe({ topic, fromBeginning: true });
    await notebook.consumer.run({ eachMessage: async (message) => notebook.note(message) });
    return notebook;
  }

  private note({ message }: EachMessagePayload): void {
    const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
    const text = message.value?.toString();
    this.received.push({
      key: String(message.key),
      headers: Object.fromEntries(headers),
      data: text === undefined ? null : JSON.parse(text),
    });
  }

  /** {@link firstByKey} of all that was received. */
  firstByKey(): Map<string, string[]> {
    return firstByKey(this.received);
  }

  async close(): Promise<void> {
    await this.consumer.disconnect();
  }
}

/** Ids of the events, each where it was received first, by key. */
export function firstByKey(received: readonly Received[]): Map<string, string[]> {
  const seen = new Set<string>();
  const byKey = new Map<string, string[]>();
  for (const { key, headers } of received) {
    const id = headers.ce_id ?? '';
    if (seen.has(id)) continue;
    seen.add(id);
    byKey.set(key, [...(byKey.get(key) ?? []), id]);
  }
  return byKey;
}
