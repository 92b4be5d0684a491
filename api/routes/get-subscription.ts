import { refuse } from '../../store/refusal.ts';
import { readSubscription } from '../../store/subscriptions.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { subscriptionParams, subscriptionSchema } from '../schemas/subscription-schema.ts';

export const getSubscription = route({
  name: 'getSubscription',
  method: 'get',
  path: '/v1/subscriptions/{name}',
  tag: 'events',
  summary: 'Read a subscription',
  description: 'How far it has come, what fails and since when, and whether it was given up.',
  permission: 'read',
  request: { params: subscriptionParams },
  responses: { 200: { description: 'The subscription.', schema: subscriptionSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, async (tx) => (await readSubscription(tx, params.name)) ?? refuse('not_found'));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
