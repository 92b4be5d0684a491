import { isRefusal } from '../../store/refusal.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { proposalParams, proposalSchema } from '../schemas/proposal-schema.ts';
import { cancellationBody } from '../schemas/saga-schema.ts';
import { viewProposal } from '../view-proposal.ts';

export const cancelProposal = route({
  name: 'cancelProposal',
  method: 'post',
  path: '/v1/proposals/{proposalId}/cancel',
  tag: 'proposals',
  summary: 'Stop an execution that is under way, and undo it',
  description:
    'For its proposer and for operators, while effects are still to come. It stops before its next step; what was done is taken back.',
  permission: 'proposal:cancel',
  request: { params: proposalParams, body: cancellationBody },
  responses: { 202: { description: 'The proposal, which will be undone.', schema: proposalSchema } },
  problems: ['not_found', 'not_proposer', 'not_cancellable'],
  async handle({ params, body, caller }, context) {
    const outcome = await context.actAs(caller, params.proposalId, (tx) =>
      cancelExecution(tx, { ...params, ...body, by: caller }, context.resources.deps),
    );
    if (isRefusal(outcome)) return outcome;
    context.nudge(caller, { ...params, actionType: outcome.actionType });
    const view = await viewProposal(params.proposalId, caller, context);
    return answered(view, (proposal) => ({ status: 202, body: proposal }));
  },
});
