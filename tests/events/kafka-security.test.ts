import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRelaySettings } from '../../config.ts';
import { kafkaSettings } from '../../events/kafka-connection.ts';
import { KafkaSink } from '../../events/kafka-sink.ts';
import { cloudEvent } from '../../ontology/cloud-event.ts';
import { type KafkaBroker, type KafkaPorts, startKafkaBroker } from '../../scripts/kafka/kafka-broker.ts';
import { freePort } from '../../scripts/processes/free-port.ts';
import { openLogger } from '../../telemetry/logger.ts';

let directory: string;
let broker: KafkaBroker;
let port: number;
const at = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'kafka-security-'));
  const store = ['-keystore', at('broker.p12'), '-storetype', 'PKCS12', '-storepass', 'of-the-test', '-alias', 'broker'];
  const subject = ['-dname', 'CN=127.0.0.1', '-ext', 'SAN=ip:127.0.0.1', '-validity', '2'];
  execFileSync('keytool', ['-genkeypair', '-keyalg', 'EC', ...subject, ...store], { stdio: 'ignore' });
  execFileSync('keytool', ['-exportcert', '-rfc', '-file', at('ca.pem'), ...store], { stdio: 'ignore' });
  port = await freePort();
  broker = await startKafkaBroker({ directory, settings: (ports) => secured(ports) });
});
afterAll(async () => {
  await broker?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Beside the listener that it talks to itself by, one with TLS and a password. */
function secured({ clients, controller }: KafkaPorts): Record<string, string> {
  const login =
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="relay" password="of the relay" user_relay="of the relay";';
  return {
    listeners: `PLAINTEXT://127.0.0.1:${clients},CONTROLLER://127.0.0.1:${controller},SASL_SSL://127.0.0.1:${port}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${clients},SASL_SSL://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_ssl.plain.sasl.jaas.config': login,
    'ssl.keystore.location': at('broker.p12'),
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': 'of-the-test',
  };
}

async function publish(settings: Record<string, string>): Promise<void> {
  const relay = readRelaySettings({
    EXEQUATUR_RELAY_DATABASE_URL: 'postgres://unused',
    TEMPORAL_ADDRESS: 'unused:1',
    EXEQUATUR_KAFKA_BROKERS: `127.0.0.1:${port}`,
    ...settings,
  });
  const kafka = kafkaSettings(relay);
  if (kafka === undefined) throw new Error('no broker is named');
  const sink = new KafkaSink(kafka, openLogger('test'));
  try {
    await sink.publish([
      cloudEvent({
        tenant: '00000000-0000-0000-0000-000000000001',
        seq: 1,
        ordinal: 1,
        at: '2026-01-01T00:00:00.000Z',
        id: 'one',
        type: 'switch.changed',
        subject: 'switch/tenant/all',
        key: 'switch/tenant/all',
        data: {},
        traceparent: null,
      }),
    ]);
  } finally {
    await sink.close();
  }
}

describe('a broker that asks for TLS and a password', () => {
  const whole = () => ({
    EXEQUATUR_KAFKA_TLS: 'true',
    EXEQUATUR_KAFKA_CA_FILE: at('ca.pem'),
    EXEQUATUR_KAFKA_SASL_MECHANISM: 'plain',
    EXEQUATUR_KAFKA_SASL_USERNAME: 'relay',
    EXEQUATUR_KAFKA_SASL_PASSWORD: 'of the relay',
  });

  it('is published to with both, and not with another password or an authority that is not known', async () => {
    await publish(whole());
    await expect(publish({ ...whole(), EXEQUATUR_KAFKA_SASL_PASSWORD: 'of another' })).rejects.toThrow(/[Aa]uthentication/);
    await expect(publish({ ...whole(), EXEQUATUR_KAFKA_CA_FILE: '' })).rejects.toThrow(/certificate/);
  });

  it('is not tried where a mechanism lacks its name', async () => {
    await expect(publish({ ...whole(), EXEQUATUR_KAFKA_SASL_USERNAME: '' })).rejects.toThrow('EXEQUATUR_KAFKA_SASL_USERNAME');
  });
});
