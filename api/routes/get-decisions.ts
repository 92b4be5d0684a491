import { readDecisions } from '../../store/read-decisions.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { decisionsSchema } from '../schemas/decision-schema.ts';
import { proposalParams } from '../schemas/proposal-schema.ts';

export const getDecisions = route({
  name: 'getDecisions',
  method: 'get',
  path: '/v1/proposals/{proposalId}/decisions',
  tag: 'proposals',
  summary: 'Read why a proposal was allowed, refused or sent to a stage',
  description:
    'Every decision with the policies that determined it, and in words. A refusal that is asked for again in the same state is listed once.',
  permission: 'read',
  request: { params: proposalParams },
  responses: { 200: { description: 'Oldest first.', schema: decisionsSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, (tx) => readDecisions(tx, params.proposalId, context.resources.deps), params.proposalId);
    return answered(found, (body) => ({ status: 200, body }));
  },
});
