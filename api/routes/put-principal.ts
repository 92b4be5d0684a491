import { putPrincipal as storePrincipal } from '../../store/put-principal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { principalBody, principalParams, principalSchema } from '../schemas/principal-schema.ts';

export const putPrincipal = route({
  name: 'putPrincipal',
  method: 'put',
  path: '/v1/principals/{id}',
  tag: 'principals',
  summary: 'Change what the directory says of a principal',
  description:
    'For those with the role `access-admin`, of anybody but themselves. Takes effect at once: a person disabled by this call counts nowhere from then on, reviews given before included.',
  permission: 'principal:put',
  request: { params: principalParams, body: principalBody },
  responses: { 200: { description: 'The principal as it is now.', schema: principalSchema } },
  problems: ['self_administration', 'unknown_principal'],
  async handle({ params, body, caller }, context) {
    const request = { id: params.id, change: body, by: caller };
    const outcome = await context.writeAs(caller, (tx) => storePrincipal(tx, request, context.resources.deps));
    return answered(outcome, (principal) => ({ status: 200, body: principal }));
  },
});
