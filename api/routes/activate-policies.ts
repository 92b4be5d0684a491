import { activatePolicies as activate } from '../../store/activate-policies.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { activationSchema, policyParams } from '../schemas/policy-schema.ts';

export const activatePolicies = route({
  name: 'activatePolicies',
  method: 'post',
  path: '/v1/policies/{version}/activate',
  tag: 'policies',
  summary: 'Put an earlier version of the policies in force again',
  description: 'It has to fit the ontology as it is now, and its cases have to come out. 0 are the built-in policies.',
  permission: 'policies:put',
  request: { params: policyParams },
  responses: { 200: { description: 'In force.', schema: activationSchema } },
  problems: ['not_found', 'invalid_policies'],
  async handle({ params, caller }, context) {
    const outcome = await context.writeAs(caller, (tx) => activate(tx, params.version, caller, context.resources.deps));
    return answered(outcome, (body) => ({ status: 200, body }));
  },
});
