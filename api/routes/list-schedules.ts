import { listSchedules as readSchedules } from '../../store/schedules.ts';
import { schedulesSeenBy } from '../../store/see-schedules.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { schedulesSchema } from '../schemas/schedule-schema.ts';

export const listSchedules = route({
  name: 'listSchedules',
  method: 'get',
  path: '/v1/schedules',
  tag: 'proposals',
  summary: 'List schedules that were not deleted',
  permission: 'read',
  responses: { 200: { description: 'Newest first, at most a thousand.', schema: schedulesSchema } },
  async handle({ caller }, context) {
    const found = await context.readAs(caller, async (tx, actor, mask) => {
      const schedules = await schedulesSeenBy(tx, context.resources.deps, actor, await readSchedules(tx));
      return { schedules: schedules.map((one) => ({ ...one, parameters: mask.parameters(one.actionType, one.parameters) })) };
    });
    return answered(found, (body) => ({ status: 200, body }));
  },
});
