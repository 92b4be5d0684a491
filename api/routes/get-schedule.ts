import { refuse } from '../../store/refusal.ts';
import { readSchedule } from '../../store/schedules.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { scheduleParams, scheduleSchema } from '../schemas/schedule-schema.ts';

export const getSchedule = route({
  name: 'getSchedule',
  method: 'get',
  path: '/v1/schedules/{scheduleId}',
  tag: 'proposals',
  summary: 'Read a schedule and what its runs came to',
  permission: 'read',
  request: { params: scheduleParams },
  responses: { 200: { description: 'The schedule.', schema: scheduleSchema } },
  problems: ['not_found'],
  async handle({ params, caller }, context) {
    const found = await context.readAs(caller, async (tx, _actor, mask) => {
      const view = await readSchedule(tx, params.scheduleId);
      return view === null ? refuse('not_found') : { ...view, parameters: mask.parameters(view.actionType, view.parameters) };
    });
    return answered(found, (body) => ({ status: 200, body }));
  },
});
