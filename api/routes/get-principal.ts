import { readPrincipal } from '../../store/read-principal.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { auditPrincipals } from '../directory-reads.ts';
import { route } from '../route.ts';
import { principalParams, principalSchema } from '../schemas/principal-schema.ts';

export const getPrincipal = route({
  name: 'getPrincipal',
  method: 'get',
  path: '/v1/principals/{id}',
  tag: 'principals',
  summary: 'Read what the directory says of a principal',
  description: 'That somebody read it of another is an entry of the audit log.',
  permission: 'read',
  request: { params: principalParams },
  responses: { 200: { description: 'The principal.', schema: principalSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, async (tx, actor) => {
      const principal = await readPrincipal(tx, params.id);
      if (!isRefusal(principal)) auditPrincipals(tx, actor, [principal]);
      return principal;
    });
    return answered(found, (body) => ({ status: 200, body }));
  },
});
