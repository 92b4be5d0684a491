import { createSchedule as storeSchedule } from '../../store/schedules.ts';
import { presentSchedule } from '../present-schedule.ts';
import { route } from '../route.ts';
import { idempotencyHeaders } from '../schemas/proposal-schema.ts';
import { newScheduleBody, scheduleSchema } from '../schemas/schedule-schema.ts';

export const createSchedule = route({
  name: 'createSchedule',
  method: 'post',
  path: '/v1/schedules',
  tag: 'proposals',
  summary: 'Propose an action again and again, or once later',
  description:
    'Each run is a proposal of its own by the caller, with the standing, the policies and the definitions of that instant; a run that may not be proposed then is on record with the reason.',
  permission: 'proposal:create',
  request: { headers: idempotencyHeaders, body: newScheduleBody },
  responses: { 201: { description: 'The schedule.', schema: scheduleSchema, headers: { Location: 'Address of the schedule.' } } },
  problems: ['unknown_action_type', 'proposer_not_allowed', 'switched_off', 'invalid_parameters', 'idempotency_key_reused'],
  async handle({ headers, body, caller }, context) {
    const wish = { ...body, ...headers, owner: caller };
    const made = await context.writeAs(caller, (tx) => storeSchedule(tx, wish, context.resources.deps));
    return presentSchedule(made, 201, caller, context);
  },
});
