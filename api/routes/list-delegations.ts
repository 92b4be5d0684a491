import { listDelegations as readDelegations } from '../../store/delegations.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { delegationsSchema } from '../schemas/delegation-schema.ts';

export const listDelegations = route({
  name: 'listDelegations',
  method: 'get',
  path: '/v1/delegations',
  tag: 'principals',
  summary: 'List delegations that are not over',
  permission: 'read',
  responses: { 200: { description: 'By id.', schema: delegationsSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, (tx) => readDelegations(tx));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
