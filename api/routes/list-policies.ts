import { listPolicies as readVersions } from '../../store/read-policies.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { policyVersionsSchema } from '../schemas/policy-schema.ts';

export const listPolicies = route({
  name: 'listPolicies',
  method: 'get',
  path: '/v1/policies',
  tag: 'policies',
  summary: 'List the versions of the policies',
  permission: 'read',
  responses: { 200: { description: 'Newest first, and which is in force.', schema: policyVersionsSchema } },
  async handle({ caller }, context) {
    return answered(await context.readAs(caller, (tx) => readVersions(tx, context.resources.deps)), (body) => ({ status: 200, body }));
  },
});
