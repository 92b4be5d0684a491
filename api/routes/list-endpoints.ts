import { listEndpoints as readEndpoints } from '../../store/endpoint-secrets.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { endpointsSchema } from '../schemas/endpoint-schema.ts';

export const listEndpoints = route({
  name: 'listEndpoints',
  method: 'get',
  path: '/v1/endpoints',
  tag: 'operations',
  summary: 'Where effects may go',
  description: 'With the secrets that are in use: since when, by whom, until when; never their values.',
  permission: 'read',
  request: {},
  responses: { 200: { description: 'The endpoints.', schema: endpointsSchema } },
  problems: [],
  async handle({ caller }, context) {
    const outcome = await context.readAs(caller, (tx) => readEndpoints(tx, context.resources.deps));
    return answered(outcome, (endpoints) => ({ status: 200, body: { endpoints } }));
  },
});
