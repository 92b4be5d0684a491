import { z } from 'zod';
import { isRefusal } from '../../store/refusal.ts';
import { resolveAttention } from '../../store/saga/resolve-attention.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { entityTag } from '../schemas/entity-tag.ts';
import { proposalParams, proposalSchema } from '../schemas/proposal-schema.ts';
import { resolutionBody } from '../schemas/saga-schema.ts';
import { viewProposal } from '../view-proposal.ts';

const ifMatch = entityTag('the id of what is asked').describe('`"<effects.attention.id>"`: what was shown to whoever decides.');

export const resolveProposal = route({
  name: 'resolveProposal',
  method: 'post',
  path: '/v1/proposals/{proposalId}/resolve',
  tag: 'proposals',
  summary: 'Say how an execution goes on that needs attention',
  description:
    'For operators who do not stand behind the proposal. `retry` takes the step back once more, `skip` leaves it as somebody has seen to it, `abort` ends the proposal and leaves the rest.',
  permission: 'proposal:resolve',
  request: { params: proposalParams, headers: z.object({ ifMatch }), body: resolutionBody },
  responses: { 200: { description: 'The proposal.', schema: proposalSchema } },
  problems: ['not_found', 'if_match_required', 'stale_asking', 'own_execution', 'not_resolvable', 'nothing_to_retry'],
  async handle({ params, headers, body, caller }, context) {
    const outcome = await context.actAs(caller, params.proposalId, (tx) =>
      resolveAttention(tx, { ...params, ...body, asking: headers.ifMatch, by: caller }, context.resources.deps),
    );
    if (isRefusal(outcome)) return outcome;
    context.nudge(caller, { ...params, actionType: outcome.actionType });
    const view = await viewProposal(params.proposalId, caller, context);
    return answered(view, (proposal) => ({ status: 200, body: proposal }));
  },
});
