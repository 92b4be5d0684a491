import { reviseProposal as storeRevision } from '../../store/revise-proposal.ts';
import { answerProposed } from '../answer-proposed.ts';
import { route } from '../route.ts';
import { idempotencyHeaders, proposalParams, proposalSchema, revisionBody } from '../schemas/proposal-schema.ts';
import { parseSetting } from '../schemas/setting-revision.ts';

export const reviseProposal = route({
  name: 'reviseProposal',
  method: 'post',
  path: '/v1/proposals/{proposalId}/revisions',
  tag: 'proposals',
  summary: 'Revise a proposal of which changes were requested',
  description:
    'For its proposer. The next revision is simulated under the action type in force, has an expiry of its own, and needs all its approvals anew; `/plan/difference` shows reviewers what changed. Of a change of what governs, `parameters` are what was sent: `{document}`, `{policies, cases}` or `{version}`, `{reason}` of a switch, the delegation, the subscription.',
  permission: 'proposal:revise',
  engine: 'begins',
  request: { params: proposalParams, headers: idempotencyHeaders, body: revisionBody },
  responses: {
    201: { description: 'The proposal, simulated.', schema: proposalSchema, headers: { Location: 'Address of the proposal.' } },
    202: {
      description: 'The revision is stored and its simulation goes on; read the proposal again.',
      schema: proposalSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: [
    'switched_off',
    'proposer_not_allowed',
    'not_found',
    'not_proposer',
    'not_revisable',
    'unknown_action_type',
    'invalid_parameters',
    'setting_changed',
    'ontology_breaks_data',
    'invalid_ontology',
    'invalid_policies',
    'invalid_delegation',
    'unknown_reference',
    'idempotency_key_reused',
  ],
  async handle({ params, headers, body, caller }, context) {
    const request = { ...params, ...body, ...headers, by: caller, parseSetting };
    const revised = await context.actAs(caller, params.proposalId, (tx) => storeRevision(tx, request, context.resources.deps));
    if ('proposalId' in revised && !revised.repeated) context.nudge(caller, revised);
    return answerProposed(revised, caller, context);
  },
});
