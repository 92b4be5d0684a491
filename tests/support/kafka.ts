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

/** A consumer that writes down all it gets, in the order of each partition. */
export class Notebook {
  readonly received: Received[] = [];
  private readonly consumer: Consumer;

  private constructor(kafka: Kafka) {
    this.consumer = kafka.consumer({ groupId: randomUUID() });
  }

  /** The topic must exist. */
  static async open(topic: string, kafka = kafkaClient()): Promise<Notebook> {
    const notebook = new Notebook(kafka);
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

  /** Ids of the events, each where it was first received, by key. */
  firstByKey(): Map<string, string[]> {
    const seen = new Set<string>();
    const byKey = new Map<string, string[]>();
    for (const { key, headers } of this.received) {
      const id = headers.ce_id ?? '';
      if (seen.has(id)) continue;
      seen.add(id);
      byKey.set(key, [...(byKey.get(key) ?? []), id]);
    }
    return byKey;
  }

  async close(): Promise<void> {
    await this.consumer.disconnect();
  }
}
