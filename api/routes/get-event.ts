import { parsePosition } from '../../ontology/cloud-event.ts';
import { isKept, readEvent } from '../../store/read-events.ts';
import { refuse } from '../../store/refusal.ts';
import { withoutHidden } from '../../store/see-events.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { cloudEventSchema, eventParams } from '../schemas/event-schema.ts';

const json = 'application/json';
const cloudEvent = 'application/cloudevents+json';

export const getEvent = route({
  name: 'getEvent',
  method: 'get',
  path: '/v1/events/{sequence}',
  tag: 'events',
  summary: 'Read an event',
  description: 'Where `dataref` points, of an event that is too large to carry its data.',
  permission: 'read',
  request: { params: eventParams },
  responses: { 200: { description: 'The event.', schema: cloudEventSchema, others: { [cloudEvent]: cloudEventSchema } } },
  problems: ['not_found', 'events_not_kept'],
  async handle({ params, caller, prefers }, context) {
    const { tenant } = caller;
    const event = await context.readAs(caller, async (tx, actor) => {
      const found = await readEvent(tx, tenant, params.sequence);
      if (found !== null) return (await withoutHidden(tx, context.resources.deps, actor, [found]))[0] ?? refuse('not_found');
      const position = parsePosition(params.sequence);
      return refuse(position === null || (await isKept(tx, tenant, position)) ? 'not_found' : 'events_not_kept');
    });
    return answered(event, (body) =>
      prefers([json, cloudEvent]) === json ? { status: 200, body } : { status: 200, body: JSON.stringify(body), mediaType: cloudEvent },
    );
  },
});
