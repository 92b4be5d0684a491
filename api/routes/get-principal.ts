import { readPrincipal } from '../../store/read-principal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { principalParams, principalSchema } from '../schemas/principal-schema.ts';

export const getPrincipal = route({
  name: 'getPrincipal',
  method: 'get',
  path: '/v1/principals/{id}',
  tag: 'principals',
  summary: 'Read what the directory says of a principal',
  permission: 'read',
  request: { params: principalParams },
  responses: { 200: { description: 'The principal.', schema: principalSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, (tx) => readPrincipal(tx, params.id));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
