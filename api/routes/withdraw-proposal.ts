import { isRefusal } from '../../store/refusal.ts';
import { withdrawProposal as storeWithdrawal } from '../../store/withdraw-proposal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { proposalParams, proposalSchema, withdrawalBody } from '../schemas/proposal-schema.ts';
import { viewProposal } from '../view-proposal.ts';

export const withdrawProposal = route({
  name: 'withdrawProposal',
  method: 'post',
  path: '/v1/proposals/{proposalId}/withdraw',
  tag: 'proposals',
  summary: 'Take a proposal back',
  description: 'For its proposer, until the execution has begun.',
  permission: 'proposal:withdraw',
  request: { params: proposalParams, body: withdrawalBody.prefault({}) },
  responses: { 200: { description: 'The proposal, withdrawn.', schema: proposalSchema } },
  problems: ['not_found', 'not_proposer', 'not_withdrawable'],
  async handle({ params, body, caller }, context) {
    const { deps } = context.resources;
    const withdrawal = { ...params, ...(body.reason === undefined ? {} : { reason: body.reason }), by: caller };
    const outcome = await context.takeBackAs(caller, params.proposalId, (tx) => storeWithdrawal(tx, withdrawal, deps));
    if (outcome.settled !== undefined) context.nudge(caller, { ...params, actionType: outcome.settled.actionType });
    if (isRefusal(outcome)) return outcome;
    const view = await viewProposal(params.proposalId, caller, context);
    return answered(view, (proposal) => ({ status: 200, body: proposal }));
  },
});
