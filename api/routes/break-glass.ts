import { breakGlass as storeEmergency } from '../../store/break-glass.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { emergencyBody } from '../schemas/emergency-schema.ts';
import { proposalParams, proposalSchema } from '../schemas/proposal-schema.ts';
import { viewProposal } from '../view-proposal.ts';

export const breakGlass = route({
  name: 'breakGlass',
  method: 'post',
  path: '/v1/proposals/{proposalId}/break-glass',
  tag: 'proposals',
  summary: 'In an emergency, have exactly this plan executed with fewer approvals',
  description:
    'For people in the roles that the approval policy names under `breakGlass`, where it does. Raises `proposal.glass_broken` at once, and after the execution another person owes a review.',
  permission: 'proposal:break_glass',
  request: { params: proposalParams, body: emergencyBody },
  responses: { 200: { description: 'The proposal, on its way to its execution.', schema: proposalSchema } },
  problems: [
    'not_found',
    'stale_digest',
    'no_emergency',
    'not_for_emergencies',
    'own_emergency',
    'emergency_unapproved',
    'already_broken',
    'not_awaiting_approval',
    'policy_forbids',
  ],
  async handle({ params, body, caller }, context) {
    const emergency = { ...params, reason: body.reason, digest: body.planDigest, by: caller };
    const outcome = await context.actAs(caller, params.proposalId, (tx) => storeEmergency(tx, emergency, context.resources.deps));
    if (outcome.settled !== undefined) context.nudge(caller, { ...params, actionType: outcome.settled.actionType });
    if (isRefusal(outcome)) return outcome;
    const view = await viewProposal(params.proposalId, caller, context);
    return answered(view, (proposal) => ({ status: 200, body: proposal }));
  },
});
