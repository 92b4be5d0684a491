import { erasePersonalData } from '../../store/erase-personal-data.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { erasedSchema, erasureBody, principalParams } from '../schemas/principal-schema.ts';

export const erasePrincipal = route({
  name: 'erasePrincipal',
  method: 'post',
  path: '/v1/principals/{id}/erasure',
  tag: 'principals',
  summary: 'Erase the personal data of a principal who is gone',
  description:
    'For those with the role `access-admin`, of somebody whom the directory has disabled, and for good: names, reasons and comments beside the audit log and in reviews and ended proposals. The log verifies as before. What stays is in docs/evidence.md. The reason is kept: it should name the request, not the person.',
  permission: 'principal:put',
  request: { params: principalParams, body: erasureBody },
  responses: { 200: { description: 'How much was erased.', schema: erasedSchema } },
  problems: ['self_administration', 'principal_active', 'not_found'],
  async handle({ params, body, caller }, context) {
    const wish = { id: params.id, reason: body.reason, by: caller };
    const outcome = await context.writeAs(caller, (tx) => erasePersonalData(tx, wish, context.resources.deps));
    return answered(outcome, (erased) => ({ status: 200, body: erased }));
  },
});
