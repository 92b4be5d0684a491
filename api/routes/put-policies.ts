import type { PolicyCase } from '../../ontology/policy-cases.ts';
import { putPolicies as storePolicies } from '../../store/put-policies.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answerSetting } from '../answer-setting.ts';
import { route } from '../route.ts';
import { policiesBody, policiesOutcomeSchema, policiesQuery } from '../schemas/policy-schema.ts';

export const putPolicies = route({
  name: 'putPolicies',
  method: 'put',
  path: '/v1/policies',
  tag: 'policies',
  summary: 'Replace the policies',
  description:
    'All of them, with the cases that they must decide as expected. Checked strictly against the names of the ontology in force. They become a proposal: fewer permits and more prohibitions are in force with the answer, and what may permit more takes the approval of another person. A dry run says which decisions on the newest proposals would differ.',
  permission: 'policies:put',
  request: { query: policiesQuery, body: policiesBody },
  responses: {
    200: { description: 'In force; or what a dry run found.', schema: policiesOutcomeSchema },
    202: {
      description: 'Proposed: they are in force once the proposal is executed.',
      schema: policiesOutcomeSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['invalid_policies', 'switched_off'],
  async handle({ query, body, caller }, context) {
    const upload = { policies: body.policies, cases: body.cases as PolicyCase[] };
    const outcome = await context.writeAs(caller, (tx) => storePolicies(tx, upload, caller, context.resources.deps, query));
    return isRefusal(outcome) ? outcome : answerSetting('policies', outcome, caller, context);
  },
});
