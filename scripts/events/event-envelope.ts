import type { Schema } from './breaking-changes.ts';

interface Message {
  contentType: string;
  headers?: Schema;
  payload: Schema;
  bindings?: { kafka?: { key?: Schema } };
  'x-subject'?: string;
}

interface Document {
  servers: Record<string, { protocol: string }>;
  channels: Record<
    string,
    { address: string | null; servers?: { $ref: string }[]; parameters?: object; messages: Record<string, { $ref: string }> }
  >;
  components: { messages: Record<string, Message>; schemas: Record<string, Schema> };
}

const lastOf = (reference: string) => reference.split('/').at(-1) ?? '';

/**
 * What an AsyncAPI document says beside the data of events, as schemas that can be compared: each channel with its address, protocols, parameters and types under its name,
 * and each message of it, with media type, headers, key, attributes and what its subject is made of, under both names. Of the data it holds the name alone.
 */
export function envelopeOf(document: object): Record<string, Schema> {
  const { servers, channels, components } = document as Document;
  return Object.fromEntries(
    Object.entries(channels).flatMap(([name, channel]): [string, Schema][] => [
      [
        name,
        fields({
          address: { const: channel.address },
          protocols: fields(Object.fromEntries((channel.servers ?? []).map(({ $ref }) => [servers[lastOf($ref)]?.protocol ?? $ref, {}]))),
          parameters: fields(Object.fromEntries(Object.keys(channel.parameters ?? {}).map((parameter) => [parameter, {}]))),
        }),
      ],
      ...Object.entries(channel.messages).map(([type, { $ref }]): [string, Schema] => [
        `${name} ${type}`,
        messageSchema(components.messages[lastOf($ref)]),
      ]),
    ]),
  );
}

/** The schemas of the data, as the document has them. */
export function dataOf(document: object): Record<string, Schema> {
  return (document as Document).components.schemas;
}

function messageSchema(message: Message | undefined): Schema {
  if (message === undefined) throw new Error('a channel has a message that the document does not hold');
  const { contentType, headers, payload, bindings, 'x-subject': subject } = message;
  const key = bindings?.kafka?.key;
  const { properties, ...said } = fields({
    contentType: { const: contentType },
    ...(headers === undefined ? {} : { headers: bare(headers) }),
    ...(key === undefined ? {} : { key: bare(key) }),
    payload: bare(payload),
  });
  // Not required: the first release does not say it, though events had it.
  return { ...said, properties: { ...properties, ...(subject === undefined ? {} : { subject: { const: subject } }) } };
}

function fields(properties: Record<string, Schema>): Schema & { properties: Record<string, Schema> } {
  return { type: 'object', properties, required: Object.keys(properties) };
}

/** Without what is said for people, and with the names of schemas in place of references. */
function bare(schema: Schema): Schema {
  const { description: _, examples: __, properties, anyOf, $ref, ...others } = schema;
  return {
    ...others,
    ...($ref === undefined ? {} : { const: `schema ${lastOf($ref as string)}` }),
    ...(anyOf === undefined ? {} : { anyOf: (anyOf as Schema[]).map(bare) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(Object.entries(properties as Record<string, Schema>).map(([name, field]) => [name, bare(field)])),
        }),
  };
}
