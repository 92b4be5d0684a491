import { activatePolicies as activate } from '../../store/put-policies.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answerSetting } from '../answer-setting.ts';
import { route } from '../route.ts';
import { policiesOutcomeSchema, policyParams } from '../schemas/policy-schema.ts';

export const activatePolicies = route({
  name: 'activatePolicies',
  method: 'post',
  path: '/v1/policies/{version}/activate',
  tag: 'policies',
  summary: 'Put an earlier version of the policies in force again',
  description:
    'As if it were sent: it has to fit the ontology as it is now, its cases have to come out, and where it may permit more another person has to approve. 0 are the built-in policies.',
  permission: 'policies:put',
  request: { params: policyParams },
  responses: {
    200: { description: 'In force.', schema: policiesOutcomeSchema },
    202: {
      description: 'Proposed: they are in force once the proposal is executed.',
      schema: policiesOutcomeSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['not_found', 'invalid_policies', 'switched_off'],
  async handle({ params, caller }, context) {
    const outcome = await context.writeAs(caller, (tx) => activate(tx, params.version, caller, context.resources.deps));
    return isRefusal(outcome) ? outcome : answerSetting('policies', outcome, caller, context);
  },
});
