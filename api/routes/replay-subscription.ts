import { replaySubscription as replay } from '../../store/change-subscription.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { replayBody, subscriptionParams, subscriptionSchema } from '../schemas/subscription-schema.ts';

export const replaySubscription = route({
  name: 'replaySubscription',
  method: 'post',
  path: '/v1/subscriptions/{name}/replay',
  tag: 'events',
  summary: 'Send events again from a point in time',
  description: 'Under the same ids, in the same order; no further back than where the subscription began.',
  permission: 'ontology:put',
  request: { params: subscriptionParams, body: replayBody },
  responses: { 200: { description: 'The subscription, at its new position.', schema: subscriptionSchema } },
  problems: ['not_found', 'replay_too_early', 'events_not_kept'],
  async handle({ params, body, caller }, context) {
    const outcome = await context.writeAs(caller, (tx) => replay(tx, { ...params, ...body, by: caller }, context.resources.deps));
    return answered(outcome, (view) => ({ status: 200, body: view }));
  },
});
