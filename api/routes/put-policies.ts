import type { PolicyCase } from '../../ontology/policy-cases.ts';
import { putPolicies as storePolicies } from '../../store/put-policies.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { policiesBody, policiesOutcomeSchema, policiesQuery } from '../schemas/policy-schema.ts';

export const putPolicies = route({
  name: 'putPolicies',
  method: 'put',
  path: '/v1/policies',
  tag: 'policies',
  summary: 'Replace the policies',
  description:
    'All of them, with the cases that they must decide as expected. Checked strictly against the names of the ontology in force; in force with the answer, or not at all. A dry run says which decisions on the newest proposals would differ.',
  permission: 'policies:put',
  request: { query: policiesQuery, body: policiesBody },
  responses: { 200: { description: 'In force; or what a dry run found.', schema: policiesOutcomeSchema } },
  problems: ['invalid_policies'],
  async handle({ query, body, caller }, context) {
    const upload = { policies: body.policies, cases: body.cases as PolicyCase[] };
    const outcome = await context.writeAs(caller, (tx) =>
      storePolicies(tx, upload, caller, context.resources.deps, { dryRun: query.dryRun ?? false }),
    );
    return answered(outcome, (policies) => ({ status: 200, body: policies }));
  },
});
