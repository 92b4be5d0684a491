import { listReviewers as readReviewers } from '../../store/list-reviewers.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { reviewersSchema } from '../schemas/principal-schema.ts';
import { proposalParams } from '../schemas/proposal-schema.ts';

export const listReviewers = route({
  name: 'listReviewers',
  method: 'get',
  path: '/v1/proposals/{proposalId}/reviewers',
  tag: 'proposals',
  summary: 'List who could review a proposal now',
  description:
    'Whom to ask, by id and name; nobody, unless the proposal is awaiting approval. What they hold is in the directory, whose reads are entries of the audit log.',
  permission: 'read',
  request: { params: proposalParams },
  responses: { 200: { description: 'People by id.', schema: reviewersSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, (tx) => readReviewers(tx, params.proposalId, context.resources.deps), params.proposalId);
    return answered(found, (body) => ({ status: 200, body }));
  },
});
