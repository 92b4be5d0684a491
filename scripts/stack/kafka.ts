/** The stack's Kafka: the brokers that KAFKA_BROKERS names, else one of its own over a directory of the checkout, where it is wanted. */
import { join } from 'node:path';
import { type KafkaBroker, startKafkaBroker } from '../kafka/kafka-broker.ts';
import { keepServer } from '../processes/kept-server.ts';

export interface StackKafka {
  /** host:port, with commas between. */
  brokers: string;
  ended: Promise<string>;
  stop(): Promise<void>;
}

export async function openStackKafka(options: { directory: string; preferredPort?: number | undefined }): Promise<StackKafka> {
  const external = process.env.KAFKA_BROKERS;
  if (external) return { brokers: external, ended: new Promise(() => {}), stop: async () => {} };
  const broker = await keepServer<KafkaBroker>('Kafka', (former) =>
    startKafkaBroker({ directory: join(options.directory, 'kafka'), ports: former?.ports, preferredPort: options.preferredPort }),
  );
  return { brokers: broker.address, ended: broker.ended, stop: broker.stop };
}
