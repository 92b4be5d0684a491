import { putEndpointSecret as storeSecret } from '../../store/endpoint-secrets.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { secretBody, secretParams, secretSchema } from '../schemas/endpoint-schema.ts';

export const putEndpointSecret = route({
  name: 'putEndpointSecret',
  method: 'put',
  path: '/v1/endpoints/{name}/secrets/{secret}',
  tag: 'operations',
  summary: 'Set a secret of an endpoint, or rotate it',
  description:
    'For those who may change the ontology. What signs requests (Standard Webhooks), or a header that is sent and never shown. The one before may be used beside it for a while.',
  permission: 'ontology:put',
  request: { params: secretParams, body: secretBody.prefault({}) },
  responses: { 200: { description: 'The secret, with its value where it was made here.', schema: secretSchema } },
  problems: ['not_found', 'secrets_unavailable'],
  async handle({ params, body, caller }, context) {
    const { deps, secrets } = context.resources;
    const wish = { endpoint: params.name, name: params.secret, ...body, by: caller };
    const outcome = await context.writeAs(caller, (tx) => storeSecret(tx, wish, secrets, deps));
    return answered(outcome, ({ secret, value }) => ({ status: 200, body: { ...secret, value } }));
  },
});
