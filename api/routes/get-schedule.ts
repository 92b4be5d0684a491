import { isRefusal, refuse } from '../../store/refusal.ts';
import { readSchedule } from '../../store/schedules.ts';
import { mayNotSeeSchedule } from '../../store/see-schedules.ts';
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
    const found = await context.readAs(caller, async (tx, actor, mask) => {
      const view = await readSchedule(tx, params.scheduleId);
      const unseen = await mayNotSeeSchedule(tx, context.resources.deps, actor, params.scheduleId);
      return view === null || unseen !== null
        ? refuse('not_found')
        : { ...view, parameters: mask.parameters(view.actionType, view.parameters) };
    });
    if (isRefusal(found)) return found;
    const start = { tenantId: caller.tenant, scheduleId: found.id };
    const nextRuns = found.state === 'active' ? await context.rest(() => context.resources.workflows.nextRuns(start)) : [];
    return { status: 200, body: { ...found, nextRuns } };
  },
});
