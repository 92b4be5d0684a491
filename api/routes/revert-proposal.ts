import { createRevert } from '../../store/create-revert.ts';
import { answerProposed } from '../answer-proposed.ts';
import { route } from '../route.ts';
import { idempotencyHeaders, proposalParams, proposalSchema, revertBody } from '../schemas/proposal-schema.ts';

export const revertProposal = route({
  name: 'revertProposal',
  method: 'post',
  path: '/v1/proposals/{proposalId}/revert',
  tag: 'proposals',
  summary: 'Propose to take an execution back',
  description: 'A new proposal with the inverse plan, under the same action type and approval requirement. One open revert per execution.',
  permission: 'proposal:revert',
  engine: 'begins',
  request: { params: proposalParams, headers: idempotencyHeaders, body: revertBody.prefault({}) },
  responses: {
    201: { description: 'The revert proposal, simulated.', schema: proposalSchema, headers: { Location: 'Address of the proposal.' } },
    202: {
      description: 'The revert proposal is stored and its simulation goes on.',
      schema: proposalSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: [
    'switched_off',
    'not_found',
    'not_revertible',
    'already_reverted',
    'revert_too_late',
    'revert_open',
    'proposer_not_allowed',
    'idempotency_key_reused',
  ],
  async handle({ params, headers, body, caller }, context) {
    const justification = body.justification ?? `Takes back proposal ${params.proposalId}.`;
    const request = { ...params, ...headers, ...body, justification, proposer: caller };
    const proposed = await context.actAs(caller, params.proposalId, (tx) => createRevert(tx, request, context.resources.deps));
    return answerProposed(proposed, caller, context);
  },
});
