import { listHeldEvents as readHeldEvents } from '../../store/held-events.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { heldEventsSchema } from '../schemas/held-event-schema.ts';

export const listHeldEvents = route({
  name: 'listHeldEvents',
  method: 'get',
  path: '/v1/held-events',
  tag: 'operations',
  summary: 'List events that are not taken where they are published',
  description: 'Each holds back the later events of its key, and no others.',
  permission: 'read',
  responses: { 200: { description: 'Oldest first, at most a thousand.', schema: heldEventsSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => ({ events: await readHeldEvents(tx) }));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
