import { retireEndpointSecret } from '../../store/endpoint-secrets.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { retirementSchema, secretParams } from '../schemas/endpoint-schema.ts';

export const deleteEndpointSecret = route({
  name: 'deleteEndpointSecret',
  method: 'delete',
  path: '/v1/endpoints/{name}/secrets/{secret}',
  tag: 'operations',
  summary: 'Take a secret of an endpoint out of use',
  description: 'At once, those that are used beside it included.',
  permission: 'ontology:put',
  request: { params: secretParams },
  responses: { 200: { description: 'How many are out of use now.', schema: retirementSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const wish = { endpoint: params.name, name: params.secret, by: caller };
    const outcome = await context.writeAs(caller, (tx) => retireEndpointSecret(tx, wish, context.resources.deps));
    return answered(outcome, (body) => ({ status: 200, body }));
  },
});
