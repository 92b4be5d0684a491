import { cloudEvent, schemaNameOf } from '../ontology/cloud-event.ts';
import { eventDataSchema, type JsonSchema } from '../ontology/event-data.ts';
import { type EventType, events } from '../ontology/events.ts';
import type { JsonObject } from '../ontology/json.ts';
import { exampleOf } from './schema-example.ts';

type Json = Record<string, unknown>;

const tenant = '0b8f7a7c-2d4e-4c1a-9f36-5e1d2c3b4a50';
const types = Object.keys(events) as EventType[];

/** The AsyncAPI 3.0 document, derived from the catalogue of events and the schemas of their data. */
export function asyncApiDocument(): Json {
  return {
    asyncapi: '3.0.0',
    id: 'urn:exequatur:events',
    info: {
      title: 'Exequatur events',
      version: '1',
      description:
        'CloudEvents 1.0: in order for each key, at least once, each with an `id` that a repeat has too. Fields are added and never taken away, so readers ignore what they do not know; ' +
        'what old readers could not read gets a type of its own.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      kafka: { host: '{host}', protocol: 'kafka', variables: { host: { default: 'localhost:9092', description: 'A broker.' } } },
      api: { host: '{host}', protocol: 'https', variables: { host: { default: 'localhost:8080', description: 'The API.' } } },
    },
    channels: channels(),
    operations: {
      publish: operation('kafkaTopic', 'Events of all tenants are published, where they share a topic.'),
      publishOfTenant: operation('kafkaTopicOfTenant', 'Events of one tenant are published, where each has a topic of its own.'),
      stream: operation('eventStream', 'Events of the caller’s tenant are told as they happen, or from a position on.'),
    },
    components: {
      messages: Object.fromEntries(
        types.flatMap((type): [string, Json][] => [
          [inKafka(type), kafkaMessage(type)],
          [inStream(type), streamMessage(type)],
        ]),
      ),
      schemas: Object.fromEntries(types.map((type) => [type, dataSchema(type)])),
    },
  };
}

function channels(): Json {
  const kafka = { servers: [{ $ref: '#/servers/kafka' }], messages: messagesOf(inKafka) };
  return {
    kafkaTopic: { address: 'exequatur.events', description: 'One topic for all tenants.', ...kafka },
    kafkaTopicOfTenant: {
      address: 'exequatur.events.{tenant}',
      description: 'A topic for each tenant, by setting.',
      parameters: { tenant: { description: 'The tenant’s id.', examples: [tenant] } },
      ...kafka,
    },
    eventStream: {
      address: '/v1/events',
      description: 'Server-sent events: `id` is the `sequence`, `event` the type, `data` the whole CloudEvent. `Last-Event-ID` resumes.',
      servers: [{ $ref: '#/servers/api' }],
      messages: messagesOf(inStream),
      bindings: { http: { bindingVersion: '0.3.0' } },
    },
  };
}

const inKafka = (type: EventType) => `${type}.kafka`;
const inStream = (type: EventType) => `${type}.stream`;

function messagesOf(nameOf: (type: EventType) => string): Json {
  return Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${nameOf(type)}` }]));
}

function operation(channel: string, summary: string): Json {
  return { action: 'send', channel: { $ref: `#/channels/${channel}` }, summary };
}

function kafkaMessage(type: EventType): Json {
  const { data, ...attributes } = example(type);
  const { datacontenttype, ...others } = attributes;
  const headers = { 'content-type': datacontenttype, ...prefixed(others) };
  return {
    ...described(type),
    contentType: 'application/json',
    headers: {
      type: 'object',
      required: Object.keys(headers).filter((name) => name !== 'ce_traceparent'),
      properties: {
        'content-type': { const: 'application/json' },
        ...Object.fromEntries(Object.entries(attributeSchemas(type)).map(([name, schema]) => [`ce_${name}`, schema])),
      },
    },
    payload: { $ref: `#/components/schemas/${type}` },
    correlationId: { description: 'What it is about; events of one subject tell one story.', location: '$message.header#/ce_subject' },
    bindings: { kafka: { key: { type: 'string', description: 'The partition key.' }, bindingVersion: '0.5.0' } },
    examples: [{ name: type, headers, payload: data }],
  };
}

function streamMessage(type: EventType): Json {
  const attributes = attributeSchemas(type);
  return {
    ...described(type),
    contentType: 'application/cloudevents+json',
    payload: {
      type: 'object',
      required: [...Object.keys(attributes).filter((name) => name !== 'traceparent'), 'datacontenttype', 'data'],
      properties: { ...attributes, datacontenttype: { const: 'application/json' }, data: { $ref: `#/components/schemas/${type}` } },
    },
    correlationId: { description: 'What it is about; events of one subject tell one story.', location: '$message.payload#/subject' },
    examples: [{ name: type, payload: example(type) }],
  };
}

function described(type: EventType): Json {
  return { name: type, title: type, summary: events[type], tags: [{ name: type.split('.')[0] }] };
}

function attributeSchemas(type: EventType): Record<string, Json> {
  const text = { type: 'string' };
  return {
    specversion: { const: '1.0' },
    id: { ...text, description: 'Stable; a repeat has the same.' },
    source: { ...text, description: '`urn:exequatur:tenant:` and the tenant.' },
    type: type === 'message' ? { ...text, pattern: '^message\\.' } : { const: type },
    subject: text,
    time: { ...text, format: 'date-time' },
    dataschema: { const: `/schemas/events/${schemaNameOf(type)}.json` },
    tenant: { ...text, format: 'uuid' },
    partitionkey: { ...text, description: 'Events of one key are told in order.' },
    sequence: { ...text, description: 'Its place among all of the tenant: compared as text.' },
    traceparent: { ...text, description: 'W3C trace context, where traces are on.' },
  };
}

function prefixed(attributes: object): Json {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value]));
}

/** Without the address of the dialect, which AsyncAPI's own schemas do not have. */
function dataSchema(type: EventType): Json {
  const { $schema: _, ...schema } = eventDataSchema(type);
  return schema;
}

function example(type: EventType) {
  const data = exampleOf(eventDataSchema(type) as JsonSchema) as JsonObject;
  const subject = subjectOf(type, data);
  return cloudEvent({
    tenant,
    seq: 417,
    ordinal: 1,
    at: '2026-03-02T09:30:00.000Z',
    id: '6a1f0c3e-8b5d-4e27-9c41-7f2a9d0b3e68',
    type: type === 'message' ? 'message.handed-over' : type,
    subject,
    key: typeof data.proposalId === 'string' && !/^(object|link)\./.test(type) ? data.proposalId : subject,
    data,
    traceparent: null,
  });
}

function subjectOf(type: EventType, data: JsonObject): string {
  const [about = ''] = type.split('.');
  if (about === 'object') return `object/${data.type}/${data.id}`;
  if (about === 'link') return `link/${data.link}/${data.from}/${data.to}`;
  return typeof data.proposalId === 'string' ? `proposal/${data.proposalId}` : about.replace('_', '-');
}
