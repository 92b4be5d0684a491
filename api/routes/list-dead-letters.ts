import { parseSequence } from '../../ontology/cloud-event.ts';
import { refuse } from '../../store/refusal.ts';
import { listDeadLetters as readDeadLetters } from '../../store/subscriptions.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { deadLettersQuery, deadLettersSchema, subscriptionParams } from '../schemas/subscription-schema.ts';

export const listDeadLetters = route({
  name: 'listDeadLetters',
  method: 'get',
  path: '/v1/subscriptions/{name}/dead-letters',
  tag: 'events',
  summary: 'List what could not be delivered',
  permission: 'read',
  request: { params: subscriptionParams, query: deadLettersQuery },
  responses: { 200: { description: 'In the order of events.', schema: deadLettersSchema } },
  problems: ['not_found'],
  async handle({ params, query, caller }, context) {
    const after = query.after === undefined ? undefined : (parseSequence(query.after) ?? undefined);
    const found = await context.readAs(caller, async (tx) => (await readDeadLetters(tx, params.name, after)) ?? refuse('not_found'));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
