import { z } from 'zod';
import { parsePosition } from '../../ontology/cloud-event.ts';
import { component } from './components.ts';
import { nextPageToken, pageQuery } from './page-schema.ts';
import { instant, json, text, time, uuid } from './text-schema.ts';

export const cloudEventSchema = component(
  'CloudEvent',
  z.strictObject({
    specversion: z.literal('1.0'),
    id: z.string().describe('Stable: whoever meets it again has met the same event.'),
    source: z.string().describe('`urn:exequatur:tenant:` and the tenant.'),
    type: z.string().describe('See `/asyncapi.json`.'),
    subject: z.string(),
    time,
    datacontenttype: z.literal('application/json'),
    dataschema: z.string().describe('Where the JSON Schema of the data is.'),
    tenant: uuid,
    partitionkey: z.string().describe('Events of one key are told in order.'),
    sequence: z.string().describe('Its place among all of the tenant: compared as text.'),
    traceparent: z.string().exactOptional(),
    dataref: z.string().describe('Where it is with its data, if those are too large to be sent along.').exactOptional(),
    data: json.optional(),
  }),
  'CloudEvents 1.0, structured JSON.',
);

export const cloudEventsBatch = 'application/cloudevents-batch+json';

export const eventPageSchema = component('EventPage', z.strictObject({ events: z.array(cloudEventSchema), nextPageToken }));
export const eventBatchSchema = component('EventBatch', z.array(cloudEventSchema));

const sequence = z.string().refine((value) => parsePosition(value) !== null, 'must be the sequence of an event');

export const eventParams = z.strictObject({ sequence: z.string().max(40) });

/** A type of the catalogue; `message` for messages of all types. */
export const eventSchemaParams = z.strictObject({ type: z.string().max(100) });

export const eventQuery = z.strictObject({
  type: z
    .string()
    .max(200)
    .regex(/^[\w.-]+\*?$/, 'must be a type, or the beginning of one with `*` behind it')
    .exactOptional()
    .describe('A type, or a prefix such as `proposal.*`.'),
  subject: text(1_000).exactOptional().describe('Such as `object/room/A1`.'),
  proposalId: uuid.exactOptional().describe('The proposal’s own events, and those of what its execution did.'),
  after: z.union([instant, sequence]).exactOptional().describe('Begins behind a time, or behind the event of that `sequence`.'),
  ...pageQuery,
});

export const eventHeaders = z.object({
  lastEventId: sequence.exactOptional().describe('Of a stream: the `id` that was heard last. It goes before `after`.'),
});
