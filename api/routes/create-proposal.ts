import { createProposal as storeProposal } from '../../store/create-proposal.ts';
import { answerProposed } from '../answer-proposed.ts';
import { route } from '../route.ts';
import { idempotencyHeaders, newProposalBody, proposalSchema } from '../schemas/proposal-schema.ts';

export const createProposal = route({
  name: 'createProposal',
  method: 'post',
  path: '/v1/proposals',
  tag: 'proposals',
  summary: 'Propose an action',
  description:
    'Stores the proposal, simulates it and answers with its plan in numbers. A proposal that fails its submission criteria is stored too, as `invalid`.',
  permission: 'proposal:create',
  engine: 'begins',
  request: { headers: idempotencyHeaders, body: newProposalBody },
  responses: {
    201: { description: 'The proposal, simulated.', schema: proposalSchema, headers: { Location: 'Address of the proposal.' } },
    202: {
      description: 'The proposal is stored and its simulation goes on; read it again.',
      schema: proposalSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: [
    'unknown_action_type',
    'action_type_superseded',
    'proposer_not_allowed',
    'switched_off',
    'invalid_parameters',
    'unknown_reference',
    'idempotency_key_reused',
  ],
  async handle({ headers, body, caller }, context) {
    const request = { ...body, ...headers, proposer: caller };
    const proposed = await context.writeAs(caller, (tx) => storeProposal(tx, request, context.resources.deps));
    return answerProposed(proposed, caller, context);
  },
});
