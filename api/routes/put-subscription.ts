import { putSubscription as storeSubscription } from '../../store/put-subscription.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answerSetting } from '../answer-setting.ts';
import { route } from '../route.ts';
import { subscriptionBody, subscriptionOutcomeSchema, subscriptionParams } from '../schemas/subscription-schema.ts';

export const putSubscription = route({
  name: 'putSubscription',
  method: 'put',
  path: '/v1/subscriptions/{name}',
  tag: 'events',
  summary: 'Have events sent to an endpoint',
  description:
    'For those who may change the ontology. Events leave the house here, so whatever lets more of them go, or elsewhere, becomes a proposal that another administrator approves; less is in force with the answer. To set again what was given up lets it go on.',
  permission: 'ontology:put',
  request: { params: subscriptionParams, body: subscriptionBody },
  responses: {
    200: { description: 'It is in force.', schema: subscriptionOutcomeSchema },
    202: {
      description: 'It is in force once the proposal is executed.',
      schema: subscriptionOutcomeSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['invalid_filter', 'secrets_unavailable', 'setting_changed', 'switched_off', 'events_not_kept', 'too_many_subscriptions'],
  async handle({ params, body, caller }, context) {
    const { deps, secrets } = context.resources;
    const outcome = await context.writeAs(caller, (tx) => storeSubscription(tx, { ...params, ...body, by: caller }, secrets, deps));
    if (isRefusal(outcome)) return outcome;
    const { view: subscription, proposed, loosens, secret } = outcome;
    const followed = { proposalId: proposed?.proposalId ?? null, loosens, subscription, secret };
    return answerSetting('subscriptions', followed, caller, context);
  },
});
