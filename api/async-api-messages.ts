import { byReference, type CloudEvent, cloudEvent, schemaNameOf } from '../ontology/cloud-event.ts';
import { eventDataSchema, type JsonSchema } from '../ontology/event-data.ts';
import { eventSubjects, subjectOf } from '../ontology/event-subjects.ts';
import { type EventType, events, isSentAlone } from '../ontology/events.ts';
import type { JsonObject } from '../ontology/json.ts';
import { exampleOf } from './schema-example.ts';

type Json = Record<string, unknown>;

export const exampleTenant = '0b8f7a7c-2d4e-4c1a-9f36-5e1d2c3b4a50';
const dataref = { type: 'string', description: 'Where the event is with its data, if it came without.' };

/** A record: attributes in headers, the data as its value; without a value where the broker has no room for it. */
export function kafkaMessage(type: EventType): Json {
  const whole = example(type);
  const { data, ...attributes } = whole;
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
        ...prefixed({ ...attributeSchemas(type), dataref }),
        traceparent: { type: 'string', description: 'As `ce_traceparent`, where tracing libraries look for it.' },
      },
    },
    payload: {
      description: 'Null, with `ce_dataref`, where the broker has no room for the data.',
      anyOf: [{ $ref: `#/components/schemas/${type}` }, { type: 'null' }],
    },
    correlationId: { description: 'What it is about; events of one subject tell one story.', location: '$message.header#/ce_subject' },
    bindings: { kafka: { key: { type: 'string', description: 'The partition key.' }, bindingVersion: '0.5.0' } },
    examples: [
      { name: type, headers, payload: data },
      { name: `${type}-by-reference`, headers: { ...headers, ce_dataref: byReference(whole).dataref }, payload: null },
    ],
  };
}

/** The whole event, which a stream always tells with its data. */
export function streamMessage(type: EventType): Json {
  const { properties, required } = envelope(type);
  return structured(type, { type: 'object', required: [...required, 'data'], properties });
}

/** The whole event, without its data where they are more than a receiver is expected to take. */
export function webhookMessage(type: EventType): Json {
  const { properties, required } = envelope(type);
  const text = { type: 'string' };
  const whole = isSentAlone(type) ? withoutPlace(example(type)) : example(type);
  const headers = {
    'webhook-id': example(type).id,
    'webhook-timestamp': '1772443800',
    'webhook-signature': 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  };
  return {
    ...structured(type, { type: 'object', required, properties: { ...properties, dataref } }),
    headers: {
      type: 'object',
      required: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
      properties: {
        'webhook-id': { ...text, description: 'The `id` of the event.' },
        'webhook-timestamp': { ...text, pattern: '^[0-9]+$', description: 'Seconds; when it was sent.' },
        'webhook-signature': { ...text, description: 'One for each secret in use, as Standard Webhooks has them.' },
      },
    },
    examples: [{ name: type, headers, payload: whole }],
  };
}

function withoutPlace({ sequence: _, partitionkey: __, dataschema: ___, ...event }: CloudEvent): object {
  return event;
}

function envelope(type: EventType): { properties: Json; required: string[] } {
  const attributes = attributeSchemas(type);
  return {
    properties: { ...attributes, datacontenttype: { const: 'application/json' }, data: { $ref: `#/components/schemas/${type}` } },
    required: [...Object.keys(attributes).filter((name) => name !== 'traceparent'), 'datacontenttype'],
  };
}

function structured(type: EventType, payload: Json): Json {
  return {
    ...described(type),
    contentType: 'application/cloudevents+json',
    payload,
    correlationId: { description: 'What it is about; events of one subject tell one story.', location: '$message.payload#/subject' },
    examples: [{ name: type, payload: example(type) }],
  };
}

function described(type: EventType): Json {
  // `x-subject` is what programs read of it, and what later changes are compared with.
  return { name: type, title: type, summary: events[type], tags: [{ name: type.split('.')[0] }], 'x-subject': eventSubjects[type] };
}

function attributeSchemas(type: EventType): Record<string, Json> {
  const text = { type: 'string' };
  const ofLog = {
    dataschema: { const: `/schemas/events/${schemaNameOf(type)}.json` },
    partitionkey: { ...text, description: 'Events of one key are told in order.' },
    sequence: { ...text, description: 'Its place among all of the tenant: compared as text.' },
    traceparent: { ...text, description: 'W3C trace context, where traces are on.' },
  };
  return {
    specversion: { const: '1.0' },
    id: { ...text, description: 'Stable; a repeat has the same.' },
    source: { ...text, description: '`urn:exequatur:tenant:` and the tenant.' },
    type: type === 'message' ? { ...text, pattern: '^message\\.' } : { const: type },
    subject: { ...text, description: `\`${eventSubjects[type]}\`, with fields of the data in place of what is in braces.` },
    time: { ...text, format: 'date-time' },
    tenant: { ...text, format: 'uuid' },
    ...(isSentAlone(type) ? {} : ofLog),
  };
}

function prefixed(attributes: object): Json {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value]));
}

function example(type: EventType) {
  const data = exampleOf(eventDataSchema(type) as JsonSchema) as JsonObject;
  const subject = subjectOf(type, data);
  return cloudEvent({
    tenant: exampleTenant,
    seq: 417,
    ordinal: 1,
    at: '2026-03-02T09:30:00.000Z',
    id: '6a1f0c3e-8b5d-4e27-9c41-7f2a9d0b3e68',
    type: type === 'message' ? 'message.handed-over' : type,
    subject,
    key: keyOf(type, subject, data),
    data,
    traceparent: null,
  });
}

/** As the database has it. */
function keyOf(type: EventType, subject: string, data: JsonObject): string {
  if (/^(object|link)\./.test(type)) return subject.slice(subject.indexOf('/') + 1);
  return typeof data.proposalId === 'string' ? data.proposalId : subject;
}
