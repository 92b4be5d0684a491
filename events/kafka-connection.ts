import { readFileSync } from 'node:fs';
import type { RelaySettings } from '../config.ts';
import type { KafkaSettings } from './kafka-sink.ts';

/** Undefined where no broker is named. @throws where a file cannot be read, or a mechanism lacks its name or password */
export function kafkaSettings(settings: RelaySettings): KafkaSettings | undefined {
  const { EXEQUATUR_KAFKA_BROKERS: brokers } = settings;
  if (brokers === undefined) return undefined;
  return {
    brokers,
    topic: settings.EXEQUATUR_KAFKA_TOPIC,
    partitions: settings.EXEQUATUR_KAFKA_PARTITIONS,
    ssl: settings.EXEQUATUR_KAFKA_TLS ? trusted(settings) : undefined,
    sasl: credentials(settings),
  };
}

function trusted({ EXEQUATUR_KAFKA_CA_FILE: ca, EXEQUATUR_KAFKA_CERT_FILE: cert, EXEQUATUR_KAFKA_KEY_FILE: key }: RelaySettings) {
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert, 'utf8') }),
    ...(key === undefined ? {} : { key: readFileSync(key, 'utf8') }),
  };
}

function credentials(settings: RelaySettings): KafkaSettings['sasl'] {
  const { EXEQUATUR_KAFKA_SASL_MECHANISM: mechanism, EXEQUATUR_KAFKA_SASL_USERNAME: username } = settings;
  const password = settings.EXEQUATUR_KAFKA_SASL_PASSWORD;
  if (mechanism === undefined) return undefined;
  if (username === undefined || password === undefined)
    throw new Error('EXEQUATUR_KAFKA_SASL_USERNAME and EXEQUATUR_KAFKA_SASL_PASSWORD are needed with EXEQUATUR_KAFKA_SASL_MECHANISM.');
  // Each mechanism is a type of its own to the client.
  if (mechanism === 'plain') return { mechanism, username, password };
  return mechanism === 'scram-sha-256' ? { mechanism, username, password } : { mechanism, username, password };
}
