import { parseSequence } from '../../ontology/cloud-event.ts';
import { refuse } from '../../store/refusal.ts';
import { askForRedelivery } from '../../store/webhook-requests.ts';
import { answerAttempt } from '../await-attempt.ts';
import { route } from '../route.ts';
import { attemptSchema, deadLetterParams } from '../schemas/subscription-schema.ts';

export const redeliverDeadLetter = route({
  name: 'redeliverDeadLetter',
  method: 'post',
  path: '/v1/subscriptions/{name}/dead-letters/{sequence}/redeliver',
  tag: 'events',
  summary: 'Try a dead letter once more',
  description: 'Out of order, under the id that it has always had. Once it is taken it is no dead letter any more.',
  permission: 'ontology:put',
  request: { params: deadLetterParams },
  responses: {
    200: { description: 'What came of it.', schema: attemptSchema },
    202: { description: 'No relay has done it yet.', schema: attemptSchema },
  },
  problems: ['not_found', 'subscription_off', 'events_not_kept', 'too_many_attempts'],
  async handle({ params, caller, gone }, context) {
    const place = parseSequence(params.sequence);
    if (place === null) return refuse('not_found');
    const wish = { name: params.name, by: caller, place };
    const asked = await context.writeAs(caller, (tx) => askForRedelivery(tx, wish, context.resources.deps));
    return answerAttempt(asked, caller, context, gone);
  },
});
