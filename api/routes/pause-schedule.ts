import { changeSchedule } from '../../store/schedules.ts';
import { presentSchedule } from '../present-schedule.ts';
import { route } from '../route.ts';
import { scheduleChangeBody, scheduleParams, scheduleSchema } from '../schemas/schedule-schema.ts';

export const pauseSchedule = route({
  name: 'pauseSchedule',
  method: 'post',
  path: '/v1/schedules/{scheduleId}/pause',
  tag: 'proposals',
  summary: 'Pause a schedule',
  description: 'From the answer on it makes no proposal. Those that it has made go on.',
  permission: 'schedule:change',
  request: { params: scheduleParams, body: scheduleChangeBody },
  responses: { 200: { description: 'The schedule as it is now.', schema: scheduleSchema } },
  problems: ['not_found', 'schedule_not_changed'],
  async handle({ params, body, caller }, context) {
    const wish = { id: params.scheduleId, change: 'pause' as const, reason: body.reason, by: caller };
    const changed = await context.writeAs(caller, (tx) => changeSchedule(tx, wish, context.resources.deps));
    return presentSchedule(changed, 200, caller, context);
  },
});
