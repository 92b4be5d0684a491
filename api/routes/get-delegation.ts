import { readDelegation } from '../../store/delegations.ts';
import { refuse } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { auditDelegations } from '../directory-reads.ts';
import { route } from '../route.ts';
import { delegationParams, delegationSchema } from '../schemas/delegation-schema.ts';

export const getDelegation = route({
  name: 'getDelegation',
  method: 'get',
  path: '/v1/delegations/{id}',
  tag: 'principals',
  summary: 'Read a delegation',
  description: 'That somebody read it who is neither of the two is an entry of the audit log.',
  permission: 'read',
  request: { params: delegationParams },
  responses: { 200: { description: 'The delegation as it is now.', schema: delegationSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, async (tx, actor) => {
      const delegation = await readDelegation(tx, params.id);
      if (delegation === null) return refuse('not_found');
      auditDelegations(tx, actor, [delegation]);
      return delegation;
    });
    return answered(found, (body) => ({ status: 200, body }));
  },
});
