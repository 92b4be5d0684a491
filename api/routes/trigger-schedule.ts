import { triggerSchedule as storeTrigger } from '../../store/schedules.ts';
import { presentSchedule } from '../present-schedule.ts';
import { route } from '../route.ts';
import { scheduleChangeBody, scheduleParams, scheduleSchema } from '../schemas/schedule-schema.ts';

export const triggerSchedule = route({
  name: 'triggerSchedule',
  method: 'post',
  path: '/v1/schedules/{scheduleId}/trigger',
  tag: 'proposals',
  summary: 'Run a schedule at once, beside its times',
  description: 'It asks what each of its runs asks. What came of it is among the runs, under the instant in `triggered`.',
  permission: 'schedule:change',
  request: { params: scheduleParams, body: scheduleChangeBody },
  responses: { 202: { description: 'The run will begin within a few seconds.', schema: scheduleSchema } },
  problems: ['not_found', 'schedule_not_active'],
  async handle({ params, body, caller }, context) {
    const wish = { id: params.scheduleId, reason: body.reason, by: caller };
    const triggered = await context.writeAs(caller, (tx) => storeTrigger(tx, wish, context.resources.deps));
    return presentSchedule(triggered, 202, caller, context);
  },
});
