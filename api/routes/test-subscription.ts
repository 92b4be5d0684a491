import { askForTest } from '../../store/webhook-requests.ts';
import { answerAttempt } from '../await-attempt.ts';
import { route } from '../route.ts';
import { attemptSchema, subscriptionParams } from '../schemas/subscription-schema.ts';

export const testSubscription = route({
  name: 'testSubscription',
  method: 'post',
  path: '/v1/subscriptions/{name}/test',
  tag: 'events',
  summary: 'Send a test event',
  description: 'A signed event `subscription.test` that says nothing of the tenant, sent by the relay, and what came of it.',
  permission: 'ontology:put',
  request: { params: subscriptionParams },
  responses: {
    200: { description: 'What came of it.', schema: attemptSchema },
    202: { description: 'No relay has done it yet.', schema: attemptSchema },
  },
  problems: ['not_found', 'too_many_attempts'],
  async handle({ params, caller, gone }, context) {
    const asked = await context.writeAs(caller, (tx) => askForTest(tx, { ...params, by: caller }, context.resources.deps));
    return answerAttempt(asked, caller, context, gone);
  },
});
