import { putSwitch as storeSwitch } from '../../store/put-switch.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answerSetting } from '../answer-setting.ts';
import { route } from '../route.ts';
import { switchBody, switchOutcomeSchema, switchParams } from '../schemas/switch-schema.ts';

export const putSwitch = route({
  name: 'putSwitch',
  method: 'put',
  path: '/v1/switches/{scope}/{name}',
  tag: 'operations',
  summary: 'Stop something, or let it go on',
  description:
    'For operators. Off takes one, at once: from the answer on nothing of it is proposed, and no execution of it commits; approved proposals are held as `scheduled`. On takes two people: it becomes a proposal, which another operator approves.',
  permission: 'switch:put',
  request: { params: switchParams, body: switchBody },
  responses: {
    200: { description: 'The switch as it is now.', schema: switchOutcomeSchema },
    202: {
      description: 'It is off until the proposal is executed.',
      schema: switchOutcomeSchema,
      headers: { Location: 'Address of the proposal.' },
    },
  },
  problems: ['not_found', 'switched_off'],
  async handle({ params, body, caller }, context) {
    const outcome = await context.writeAs(caller, (tx) => storeSwitch(tx, { ...params, ...body, by: caller }, context.resources.deps));
    if (isRefusal(outcome)) return outcome.refused === 'malformed_request' ? { ...outcome, place: 'path' } : outcome;
    const { view, proposed } = outcome;
    const loosens = proposed === null ? [] : [view];
    const {
      status,
      headers,
      body: answer,
    } = await answerSetting('switches', { ...view, proposalId: proposed?.proposalId ?? null, loosens }, caller, context);
    const { loosens: _, ...seen } = answer;
    return { status, headers, body: seen };
  },
});
