import { changePrincipal } from '../../store/change-principal.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answerSetting } from '../answer-setting.ts';
import { route } from '../route.ts';
import { principalBody, principalOutcomeSchema, principalParams, principalSchema } from '../schemas/principal-schema.ts';

export const putPrincipal = route({
  name: 'putPrincipal',
  method: 'put',
  path: '/v1/principals/{id}',
  tag: 'principals',
  summary: 'Change what the directory says of a principal',
  description:
    'For those with the role `access-admin`, of anybody but themselves. What takes something away is in force with the answer: a person disabled by this call counts nowhere from then on, reviews given before included. What lets somebody do more becomes a proposal that another such administrator approves.',
  permission: 'principal:put',
  request: { params: principalParams, body: principalBody },
  responses: {
    200: { description: 'The principal as it is now.', schema: principalSchema },
    202: {
      description: 'It is in force once the proposal is executed.',
      schema: principalOutcomeSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['self_administration', 'unknown_principal', 'switched_off'],
  async handle({ params, body, caller }, context) {
    const request = { id: params.id, change: body, by: caller };
    const outcome = await context.writeAs(caller, (tx) => changePrincipal(tx, request, context.resources.deps));
    if (isRefusal(outcome)) return outcome;
    const { view: principal, proposed, loosens } = outcome;
    if (proposed === null) return { status: 200, body: principal };
    return answerSetting('principals', { proposalId: proposed.proposalId, loosens, principal }, caller, context);
  },
});
