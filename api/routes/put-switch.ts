import { putSwitch as storeSwitch } from '../../store/put-switch.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { switchBody, switchParams, switchSchema } from '../schemas/switch-schema.ts';

export const putSwitch = route({
  name: 'putSwitch',
  method: 'put',
  path: '/v1/switches/{scope}/{name}',
  tag: 'operations',
  summary: 'Stop something, or let it go on',
  description:
    'For operators. Off takes one: from the answer on nothing of it is proposed, and no execution of it commits; approved proposals are held as `scheduled`. On takes two people: the first is answered `202`, and another does it.',
  permission: 'switch:put',
  request: { params: switchParams, body: switchBody },
  responses: {
    200: { description: 'The switch as it is now.', schema: switchSchema },
    202: { description: 'It is off until another person asks for the same.', schema: switchSchema },
  },
  problems: ['not_found'],
  async handle({ params, body, caller }, context) {
    const outcome = await context.writeAs(caller, (tx) => storeSwitch(tx, { ...params, ...body, by: caller }, context.resources.deps));
    return answered(outcome, (view) => ({ status: view.state === body.state ? 200 : 202, body: view }));
  },
});
