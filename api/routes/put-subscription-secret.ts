import { rotateSubscriptionSecret } from '../../store/change-subscription.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { subscriptionParams, subscriptionSecretBody, subscriptionSecretSchema } from '../schemas/subscription-schema.ts';

export const putSubscriptionSecret = route({
  name: 'putSubscriptionSecret',
  method: 'put',
  path: '/v1/subscriptions/{name}/secret',
  tag: 'events',
  summary: 'Rotate what signs the events of a subscription',
  description: 'For those who may change the ontology. With `overlap` the one before signs beside it for so long.',
  permission: 'ontology:put',
  request: { params: subscriptionParams, body: subscriptionSecretBody.prefault({}) },
  responses: { 200: { description: 'The secret, with its value where it was made here.', schema: subscriptionSecretSchema } },
  problems: ['not_found', 'secrets_unavailable'],
  async handle({ params, body, caller }, context) {
    const { deps, secrets } = context.resources;
    const outcome = await context.writeAs(caller, (tx) => rotateSubscriptionSecret(tx, { ...params, ...body, by: caller }, secrets, deps));
    return answered(outcome, ({ secret, value }) => ({ status: 200, body: { ...secret, value } }));
  },
});
