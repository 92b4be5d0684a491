import { revokeDelegation } from '../../store/revoke-delegation.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { delegationParams, delegationSchema } from '../schemas/delegation-schema.ts';

export const deleteDelegation = route({
  name: 'deleteDelegation',
  method: 'delete',
  path: '/v1/delegations/{id}',
  tag: 'principals',
  summary: 'Revoke a delegation',
  description:
    'For either of the two, and for those with the role `access-admin`. From the answer on reviews that were given by it no longer count, and nothing is executed by them.',
  permission: 'delegation:delete',
  request: { params: delegationParams },
  responses: { 200: { description: 'The delegation as it is now.', schema: delegationSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const request = { id: params.id, by: caller };
    const outcome = await context.writeAs(caller, (tx) => revokeDelegation(tx, request, context.resources.deps));
    return answered(outcome, (body) => ({ status: 200, body }));
  },
});
