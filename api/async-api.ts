import { eventDataSchema } from '../ontology/event-data.ts';
import { type EventType, events, isSentAlone } from '../ontology/events.ts';
import { exampleTenant, kafkaMessage, streamMessage, webhookMessage } from './async-api-messages.ts';

type Json = Record<string, unknown>;

const types = Object.keys(events) as EventType[];
const logged = types.filter((type) => !isSentAlone(type));

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
      deliver: operation('webhook', 'Events that a subscription asks for are sent to its endpoint.'),
    },
    components: {
      messages: Object.fromEntries([
        ...logged.flatMap((type): [string, Json][] => [
          [inKafka(type), kafkaMessage(type)],
          [inStream(type), streamMessage(type)],
        ]),
        ...types.map((type): [string, Json] => [inWebhook(type), webhookMessage(type)]),
      ]),
      schemas: Object.fromEntries(types.map((type) => [type, dataSchema(type)])),
    },
  };
}

function channels(): Json {
  const kafka = { servers: [{ $ref: '#/servers/kafka' }], messages: messagesOf(logged, inKafka) };
  return {
    kafkaTopic: { address: 'exequatur.events', description: 'One topic for all tenants.', ...kafka },
    kafkaTopicOfTenant: {
      address: 'exequatur.events.{tenant}',
      description: 'A topic for each tenant, by setting.',
      parameters: { tenant: { description: 'The tenant’s id.', examples: [exampleTenant] } },
      ...kafka,
    },
    eventStream: {
      address: '/v1/events',
      description: 'Server-sent events: `id` is the `sequence`, `event` the type, `data` the whole CloudEvent. `Last-Event-ID` resumes.',
      servers: [{ $ref: '#/servers/api' }],
      messages: messagesOf(logged, inStream),
      bindings: { http: { bindingVersion: '0.3.0' } },
    },
    webhook: {
      address: null,
      description:
        'The URL of a subscription: a signed `POST` of one CloudEvent; any 2xx takes it. `subscription.test` has none of `sequence`, `partitionkey`, `dataschema` and `traceparent`.',
      messages: messagesOf(types, inWebhook),
      bindings: { http: { bindingVersion: '0.3.0' } },
    },
  };
}

const inKafka = (type: EventType) => `${type}.kafka`;
const inStream = (type: EventType) => `${type}.stream`;
const inWebhook = (type: EventType) => `${type}.webhook`;

function messagesOf(ofTypes: readonly EventType[], nameOf: (type: EventType) => string): Json {
  return Object.fromEntries(ofTypes.map((type) => [type, { $ref: `#/components/messages/${nameOf(type)}` }]));
}

function operation(channel: string, summary: string): Json {
  return { action: 'send', channel: { $ref: `#/channels/${channel}` }, summary };
}

/** Without the address of the dialect, which AsyncAPI's own schemas do not have. */
function dataSchema(type: EventType): Json {
  const { $schema: _, ...schema } = eventDataSchema(type);
  return schema;
}
