import { resolveHeldEvent as decideHeldEvent } from '../../store/held-events.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { heldEventBody, heldEventParams, heldEventSchema } from '../schemas/held-event-schema.ts';

export const resolveHeldEvent = route({
  name: 'resolveHeldEvent',
  method: 'post',
  path: '/v1/held-events/{eventId}/resolve',
  tag: 'operations',
  summary: 'Say what becomes of an event that is not taken',
  description: 'For people who are operators. What waits behind it follows within moments.',
  permission: 'switch:put',
  request: { params: heldEventParams, body: heldEventBody },
  responses: { 200: { description: 'The event, with what was decided.', schema: heldEventSchema } },
  problems: ['not_found'],
  async handle({ params, body, caller }, context) {
    const wish = { ...params, ...body, by: caller };
    const outcome = await context.writeAs(caller, (tx) => decideHeldEvent(tx, wish, context.resources.deps));
    return answered(outcome, (held) => ({ status: 200, body: held }));
  },
});
