import { eventDataSchema } from '../../ontology/event-data.ts';
import { isEventType } from '../../ontology/events.ts';
import { refuse } from '../../store/refusal.ts';
import { route } from '../route.ts';
import { eventSchemaParams } from '../schemas/event-schema.ts';

const mediaType = 'application/schema+json';

export const getEventSchema = route({
  name: 'getEventSchema',
  method: 'get',
  path: '/schemas/events/{type}.json',
  tag: 'events',
  summary: 'Read the schema of an event’s data',
  description: 'Where `dataschema` points.',
  permission: 'public',
  request: { params: eventSchemaParams },
  responses: { 200: { description: 'JSON Schema (2020-12).', mediaType } },
  problems: ['not_found'],
  handle({ params: { type } }) {
    if (!isEventType(type)) return refuse('not_found');
    return { status: 200, body: JSON.stringify(eventDataSchema(type)), mediaType };
  },
});
