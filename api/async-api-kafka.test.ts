// What the relay hands to Kafka and to endpoints is what the AsyncAPI document says, with or without a trace, and with or without its data.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect, it } from 'vitest';
import { readRelaySettings } from '../config.ts';
import { messageOf } from '../events/kafka-sink.ts';
import { byReference, type CloudEvent, cloudEvent } from '../ontology/cloud-event.ts';
import { eventDataSchema, type JsonSchema } from '../ontology/event-data.ts';
import type { JsonObject } from '../ontology/json.ts';
import { asyncApiDocument } from './async-api.ts';
import { exampleOf } from './schema-example.ts';

interface Message {
  headers: { properties: Record<string, object> };
  payload: { properties: Record<string, object> };
  bindings: { kafka: { key: object } };
}

const document = JSON.parse(JSON.stringify(asyncApiDocument())) as {
  channels: Record<string, { address: string | null }>;
  components: { messages: Record<string, Message> };
};
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ components: document.components, $id: 'asyncapi' });

function faultOf(schema: object, value: unknown): string | null {
  const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"asyncapi#/')) as object);
  return check(value) ? null : ajv.errorsText(check.errors);
}

function messageNamed(name: string): Message {
  const message = document.components.messages[name];
  if (message === undefined) throw new Error(`the document has no ${name}`);
  return message;
}

const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const rows = [
  ['object.deleted', 'object.deleted', exampleOf(eventDataSchema('object.deleted') as JsonSchema) as JsonObject],
  ['message.sent', 'message', { proposalId: '6a1f0c3e-8b5d-4e27-9c41-7f2a9d0b3e68', actionType: 'closeRoom', data: { any: 1 } }],
] as const;
const events = rows.flatMap(([type, name, data]) =>
  [null, trace].map((traceparent): [string, string, CloudEvent] => [
    `${type} ${traceparent === null ? 'without' : 'with'} a trace`,
    name,
    cloudEvent({
      ...{ tenant: '0b8f7a7c-2d4e-4c1a-9f36-5e1d2c3b4a50', seq: 7, ordinal: 2, at: '2026-01-01T00:00:00.123Z' },
      ...{ id: '3f1c9a52-7d4e-4b8a-9c06-2e5d8f7a1b34', type, subject: 'object/room/A1', key: 'room/A1', data, traceparent },
    }),
  ]),
);
const sent = events.flatMap(([title, name, event]): [string, string, CloudEvent][] => [
  [title, name, event],
  [`${title}, by reference`, name, byReference(event)],
]);

it.each(sent)('a record is what the document says: %s', (_, name, event) => {
  const { headers, payload, bindings } = messageNamed(`${name}.kafka`);
  const record = messageOf(event);
  const value = record.value === null ? null : (JSON.parse(String(record.value)) as unknown);
  expect(Object.keys(headers.properties)).toEqual(expect.arrayContaining(Object.keys(record.headers ?? {})));
  expect(faultOf(headers, record.headers)).toBeNull();
  expect(faultOf(payload, value)).toBeNull();
  expect(faultOf(bindings.kafka.key, record.key)).toBeNull();
  expect('ce_dataref' in (record.headers ?? {})).toBe(value === null);
});

it.each(sent)('what an endpoint is sent is what the document says: %s', (_, name, event) => {
  const { payload } = messageNamed(`${name}.webhook`);
  expect(Object.keys(payload.properties)).toEqual(expect.arrayContaining(Object.keys(event)));
  expect(faultOf(payload, event)).toBeNull();
});

it('a record that the document does not describe is noticed', () => {
  const { headers, payload } = messageNamed('message.kafka');
  const { ce_tenant: _, ...fewer } = messageOf(events[2]?.[2] as CloudEvent).headers ?? {};
  expect(faultOf(headers, fewer)).toMatch(/ce_tenant/);
  expect(faultOf(payload, 'text')).not.toBeNull();
});

it('the topic is the one that the relay publishes to unless another is set', () => {
  const { EXEQUATUR_KAFKA_TOPIC: topic } = readRelaySettings({
    TEMPORAL_ADDRESS: 'nowhere:1',
    EXEQUATUR_RELAY_DATABASE_URL: 'postgres://nowhere',
  });
  expect(document.channels.kafkaTopic?.address).toBe(topic);
});
