import { changeSchedule } from '../../store/schedules.ts';
import { presentSchedule } from '../present-schedule.ts';
import { route } from '../route.ts';
import { scheduleChangeBody, scheduleParams, scheduleSchema } from '../schemas/schedule-schema.ts';

export const resumeSchedule = route({
  name: 'resumeSchedule',
  method: 'post',
  path: '/v1/schedules/{scheduleId}/resume',
  tag: 'proposals',
  summary: 'Let a schedule run again',
  description: 'What was left out meanwhile is not made up for.',
  permission: 'schedule:change',
  request: { params: scheduleParams, body: scheduleChangeBody },
  responses: { 200: { description: 'The schedule as it is now.', schema: scheduleSchema } },
  problems: ['not_found', 'schedule_not_changed'],
  async handle({ params, body, caller }, context) {
    const wish = { id: params.scheduleId, change: 'resume' as const, reason: body.reason, by: caller };
    const changed = await context.writeAs(caller, (tx) => changeSchedule(tx, wish, context.resources.deps));
    return presentSchedule(changed, 200, caller, context);
  },
});
