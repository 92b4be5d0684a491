import { changeSchedule } from '../../store/schedules.ts';
import { presentSchedule } from '../present-schedule.ts';
import { route } from '../route.ts';
import { scheduleParams, scheduleSchema } from '../schemas/schedule-schema.ts';

export const deleteSchedule = route({
  name: 'deleteSchedule',
  method: 'delete',
  path: '/v1/schedules/{scheduleId}',
  tag: 'proposals',
  summary: 'Delete a schedule',
  description: 'It makes no proposal any more. Those that it has made go on, and its runs stay on record.',
  permission: 'schedule:change',
  request: { params: scheduleParams },
  responses: { 200: { description: 'The schedule as it is now.', schema: scheduleSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const wish = { id: params.scheduleId, change: 'delete' as const, reason: 'deleted', by: caller };
    const changed = await context.writeAs(caller, (tx) => changeSchedule(tx, wish, context.resources.deps));
    return presentSchedule(changed, 200, caller, context);
  },
});
