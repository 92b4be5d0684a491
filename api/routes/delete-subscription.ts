import { removeSubscription } from '../../store/change-subscription.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { subscriptionParams, subscriptionSchema } from '../schemas/subscription-schema.ts';

export const deleteSubscription = route({
  name: 'deleteSubscription',
  method: 'delete',
  path: '/v1/subscriptions/{name}',
  tag: 'events',
  summary: 'Remove a subscription',
  description: 'With its position, its dead letters and its secret, at once; what is on its way arrives.',
  permission: 'ontology:put',
  request: { params: subscriptionParams },
  responses: { 200: { description: 'As it was; it is gone.', schema: subscriptionSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const outcome = await context.writeAs(caller, (tx) => removeSubscription(tx, { ...params, by: caller }, context.resources.deps));
    return answered(outcome, (body) => ({ status: 200, body }));
  },
});
