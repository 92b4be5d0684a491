import { removeFreezeWindow } from '../../store/change-freeze-window.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { removalQuery, windowParams, windowSchema } from '../schemas/freeze-window-schema.ts';

export const deleteFreezeWindow = route({
  name: 'deleteFreezeWindow',
  method: 'delete',
  path: '/v1/freeze-windows/{name}',
  tag: 'operations',
  summary: 'Remove a freeze window',
  description: 'For operators, and for two of them unless its time is over: the first is answered `202`, and another does it.',
  permission: 'switch:put',
  request: { params: windowParams, query: removalQuery },
  responses: {
    200: { description: 'As it was; it is gone.', schema: windowSchema },
    202: { description: 'It is there until another person asks for the same.', schema: windowSchema },
  },
  problems: ['not_found'],
  async handle({ params, query, caller }, context) {
    const wish = { ...params, ...query, by: caller };
    const outcome = await context.writeAs(caller, (tx) => removeFreezeWindow(tx, wish, context.resources.deps));
    return answered(outcome, ({ window, removed }) => ({ status: removed ? 200 : 202, body: window }));
  },
});
