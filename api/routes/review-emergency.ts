import { isRefusal } from '../../store/refusal.ts';
import { reviewEmergency as storeReview } from '../../store/review-emergency.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { emergencyReviewBody } from '../schemas/emergency-schema.ts';
import { proposalParams, proposalSchema } from '../schemas/proposal-schema.ts';
import { viewProposal } from '../view-proposal.ts';

export const reviewEmergency = route({
  name: 'reviewEmergency',
  method: 'post',
  path: '/v1/proposals/{proposalId}/post-review',
  tag: 'proposals',
  summary: 'Say after an emergency whether the glass was rightly broken',
  description:
    'For a person whom the approval policy asks, who neither broke it nor stands behind the proposer. Once; also when it is late.',
  permission: 'proposal:review_emergency',
  request: { params: proposalParams, body: emergencyReviewBody },
  responses: { 200: { description: 'The proposal with its review.', schema: proposalSchema } },
  problems: ['not_found', 'agent_may_not_review', 'own_emergency', 'not_for_emergencies', 'no_review_owed'],
  async handle({ params, body, caller }, context) {
    const review = { ...params, ...body, by: caller };
    const outcome = await context.actAs(caller, params.proposalId, (tx) => storeReview(tx, review, context.resources.deps));
    if (isRefusal(outcome)) return outcome;
    context.nudge(caller, { ...params, actionType: outcome.actionType });
    const view = await viewProposal(params.proposalId, caller, context);
    return answered(view, (proposal) => ({ status: 200, body: proposal }));
  },
});
