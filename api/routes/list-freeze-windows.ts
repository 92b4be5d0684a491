import { listFreezeWindows as readWindows } from '../../store/freeze-windows.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { windowsSchema } from '../schemas/freeze-window-schema.ts';

export const listFreezeWindows = route({
  name: 'listFreezeWindows',
  method: 'get',
  path: '/v1/freeze-windows',
  tag: 'operations',
  summary: 'List freeze windows',
  permission: 'read',
  responses: { 200: { description: 'By name.', schema: windowsSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => ({ windows: await readWindows(tx) }));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
