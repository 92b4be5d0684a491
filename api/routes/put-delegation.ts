import { putDelegation as storeDelegation } from '../../store/put-delegation.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { delegationBody, delegationParams, delegationSchema } from '../schemas/delegation-schema.ts';

export const putDelegation = route({
  name: 'putDelegation',
  method: 'put',
  path: '/v1/delegations/{id}',
  tag: 'principals',
  summary: 'Let another review on one’s behalf',
  description:
    'For a time, for some action types or with some of one’s roles, and no further: a delegate does not delegate on. What was granted is revoked, never changed.',
  permission: 'delegation:put',
  request: { params: delegationParams, body: delegationBody },
  responses: { 200: { description: 'The delegation.', schema: delegationSchema } },
  problems: ['invalid_delegation', 'delegation_exists'],
  async handle({ params, body, caller }, context) {
    const request = { ...params, ...body, by: caller };
    const outcome = await context.writeAs(caller, (tx) => storeDelegation(tx, request, context.resources.deps));
    return answered(outcome, (view) => ({ status: 200, body: view }));
  },
});
