import { listDelegations as readDelegations } from '../../store/delegations.ts';
import { answered } from '../api-context.ts';
import { auditDelegations } from '../directory-reads.ts';
import { route } from '../route.ts';
import { delegationsSchema } from '../schemas/delegation-schema.ts';

export const listDelegations = route({
  name: 'listDelegations',
  method: 'get',
  path: '/v1/delegations',
  tag: 'principals',
  summary: 'List delegations that are not over',
  description: 'That somebody read those of others is an entry of the audit log.',
  permission: 'read',
  responses: { 200: { description: 'By id.', schema: delegationsSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx, actor) => {
      const list = await readDelegations(tx);
      auditDelegations(tx, actor, list.delegations);
      return list;
    });
    return answered(found, (body) => ({ status: 200, body }));
  },
});
