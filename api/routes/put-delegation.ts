import { putDelegation as storeDelegation } from '../../store/put-delegation.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answerSetting } from '../answer-setting.ts';
import { route } from '../route.ts';
import { delegationBody, delegationOutcomeSchema, delegationParams } from '../schemas/delegation-schema.ts';

export const putDelegation = route({
  name: 'putDelegation',
  method: 'put',
  path: '/v1/delegations/{id}',
  tag: 'principals',
  summary: 'Let another review on one’s behalf',
  description:
    'For a time, for some action types or with some of one’s roles, and no further: a delegate does not delegate on. What was granted is revoked, never changed. It becomes a proposal, which somebody with the role `access-admin` approves.',
  permission: 'delegation:put',
  request: { params: delegationParams, body: delegationBody },
  responses: {
    200: { description: 'The delegation, which is there already.', schema: delegationOutcomeSchema },
    202: {
      description: 'It holds once the proposal is executed.',
      schema: delegationOutcomeSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['invalid_delegation', 'delegation_exists', 'switched_off'],
  async handle({ params, body, caller }, context) {
    const request = { ...params, ...body, by: caller };
    const outcome = await context.writeAs(caller, (tx) => storeDelegation(tx, request, context.resources.deps));
    if (isRefusal(outcome)) return outcome;
    const { view, proposed } = outcome;
    const followed = { proposalId: proposed?.proposalId ?? null, loosens: proposed === null ? [] : [proposed] };
    const { status, headers, body: answer } = await answerSetting('delegations', followed, caller, context);
    return { status, headers, body: { delegation: view, proposal: answer.proposal } };
  },
});
