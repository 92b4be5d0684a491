import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { asyncApiDocument } from '../../api/async-api.ts';
import { getEventSchema } from '../../api/routes/get-event-schema.ts';
import { type CloudEvent, schemaNameOf } from '../../ontology/cloud-event.ts';
import { subjectOf } from '../../ontology/event-subjects.ts';
import { isEventType } from '../../ontology/events.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { releasedSchemas } from '../../scripts/events/released-schemas.ts';
import type { Received } from '../support/kafka.ts';
import type { ReceivedWebhook } from './webhook-receiver.ts';

interface Message {
  contentType: string;
  headers?: { properties: object };
  payload: { properties?: object };
  bindings?: { kafka: { key: object } };
}

/** What customers have in their hands: the AsyncAPI document, the schemas at the addresses that events name, and those of every release. */
export class PublishedContract {
  private readonly messages: Record<string, Message>;
  private readonly released = releasedSchemas('data');
  private readonly checks = new Map<string, ValidateFunction>();
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor() {
    const { components } = JSON.parse(JSON.stringify(asyncApiDocument())) as { components: { messages: Record<string, Message> } };
    this.messages = components.messages;
    addFormats.default(this.ajv);
    this.ajv.addSchema({ components, $id: 'asyncapi' });
  }

  /** What an event, as pages and streams tell it, has that the contract does not. None where it is as published. */
  faultsOfEvent(event: CloudEvent): string[] {
    return [...this.faultsOfMessage(event, 'stream', event), ...this.faultsOfData(event)];
  }

  /** The same of a record of Kafka: headers, key and value, each as the broker gave it. */
  faultsOfRecord({ headers, key, data }: Received): string[] {
    const name = schemaNameOf(headers.ce_type ?? '');
    const message = this.messages[`${name}.kafka`];
    if (message?.headers === undefined || message.bindings === undefined) return [`${name}: is not in the document`];
    const { properties } = message.headers;
    const unknown = Object.keys(headers).filter((header) => !Object.hasOwn(properties, header));
    return [
      ...unknown.map((header) => `${name}: header ${header} is not in the document`),
      ...this.faults(`${name}.kafka headers`, message.headers, headers),
      ...this.faults(`${name}.kafka key`, message.bindings.kafka.key, key),
      ...this.faults(`${name}.kafka payload`, message.payload, data),
    ];
  }

  /** The same of what an endpoint was sent. */
  faultsOfWebhook({ headers, event }: ReceivedWebhook): string[] {
    const name = `${schemaNameOf(event.type)}.webhook`;
    const message = this.messages[name];
    if (message?.headers === undefined) return [`${name}: is not in the document`];
    const [mediaType] = (headers['content-type'] ?? '').split(';');
    return [
      ...(mediaType === message.contentType ? [] : [`${name}: came as ${mediaType}`]),
      ...this.faults(`${name} headers`, message.headers, headers),
      ...this.faultsOfMessage(event, 'webhook', event),
      ...this.faultsOfSubject(event),
    ];
  }

  private faultsOfMessage(event: CloudEvent, channel: 'stream' | 'webhook', value: object): string[] {
    const name = `${schemaNameOf(event.type)}.${channel}`;
    const message = this.messages[name];
    if (message === undefined) return [`${name}: is not in the document`];
    const known = message.payload.properties ?? {};
    const unknown = Object.keys(value).filter((attribute) => !Object.hasOwn(known, attribute));
    return [
      ...unknown.map((attribute) => `${name}: attribute ${attribute} is not in the document`),
      ...this.faults(`${name} payload`, message.payload, value),
    ];
  }

  private faultsOfData(event: CloudEvent): string[] {
    const { dataschema, data } = event;
    const [, type = ''] = /^\/schemas\/events\/(.+)\.json$/.exec(dataschema) ?? [];
    const name = schemaNameOf(event.type);
    if (type !== name) return [`${event.type}: dataschema is ${dataschema}`];
    const published = getEventSchema.handle({ params: { type } } as Parameters<typeof getEventSchema.handle>[0], undefined as never);
    if (!('body' in published)) return [`${dataschema}: nothing is there`];
    return [
      ...this.faults(dataschema, JSON.parse(published.body as string) as object, data),
      // Those who were written by an earlier release read it too.
      ...this.released.flatMap(({ version, schemas }) =>
        schemas[name] === undefined ? [] : this.faults(`${name} of release ${version}`, schemas[name], data),
      ),
      ...this.faultsOfSubject(event),
    ];
  }

  private faultsOfSubject({ type, subject, data }: CloudEvent): string[] {
    const name = schemaNameOf(type);
    const expected = isEventType(name) && data !== undefined ? subjectOf(name, data as JsonObject) : null;
    return expected === subject ? [] : [`${type}: the subject is ${subject}, and ${expected} in the document`];
  }

  private faults(name: string, schema: object, value: unknown): string[] {
    let check = this.checks.get(name);
    if (check === undefined) {
      const { $id: _, ...alone } = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"asyncapi#/')) as { $id?: string };
      check = this.ajv.compile(alone);
      this.checks.set(name, check);
    }
    return check(value) ? [] : [`${name}: ${this.ajv.errorsText(check.errors)}: ${JSON.stringify(value)}`];
  }
}
