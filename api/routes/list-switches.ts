import { listSwitches as readSwitches } from '../../store/switches.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { switchesSchema } from '../schemas/switch-schema.ts';

export const listSwitches = route({
  name: 'listSwitches',
  method: 'get',
  path: '/v1/switches',
  tag: 'operations',
  summary: 'List switches',
  permission: 'read',
  responses: { 200: { description: 'By scope and name.', schema: switchesSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx) => ({ switches: await readSwitches(tx) }));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
