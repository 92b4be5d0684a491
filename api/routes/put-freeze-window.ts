import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { windowBody, windowParams, windowSchema } from '../schemas/freeze-window-schema.ts';

export const putFreezeWindow = route({
  name: 'putFreezeWindow',
  method: 'put',
  path: '/v1/freeze-windows/{name}',
  tag: 'operations',
  summary: 'Set a freeze window',
  description:
    'For operators. While it is open no execution commits, from the answer on; approved proposals are held as `scheduled` and executed when it closes. A window is not changed: set another, and remove the first.',
  permission: 'switch:put',
  request: { params: windowParams, body: windowBody },
  responses: { 200: { description: 'The window.', schema: windowSchema } },
  problems: ['window_exists', 'unknown_object_type', 'invalid_filter', 'sensitive_property'],
  async handle({ params, body, caller }, context) {
    const outcome = await context.writeAs(caller, (tx) => setFreezeWindow(tx, { ...params, ...body, by: caller }, context.resources.deps));
    return answered(outcome, (view) => ({ status: 200, body: view }));
  },
});
