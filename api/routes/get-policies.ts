import { readPolicies } from '../../store/read-policies.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { policiesSchema, policyParams } from '../schemas/policy-schema.ts';

export const getPolicies = route({
  name: 'getPolicies',
  method: 'get',
  path: '/v1/policies/{version}',
  tag: 'policies',
  summary: 'Read a version of the policies',
  description: '0 are the built-in policies, which hold for a tenant that has none of its own.',
  permission: 'read',
  request: { params: policyParams },
  responses: { 200: { description: 'Its policies and cases.', schema: policiesSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(
      caller,
      async (tx) => (await readPolicies(tx, params.version, context.resources.deps)) ?? refuse('not_found'),
    );
    return answered(found, (body) => ({ status: 200, body }));
  },
});
