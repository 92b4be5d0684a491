import { z } from 'zod';
import { faultOfCron } from '../../ontology/schedule-timing.ts';
import { component } from './components.ts';
import { instant, json, text, time, uuid } from './text-schema.ts';

export const scheduleParams = z.strictObject({ scheduleId: uuid });

/** Weeks to seconds, as policies have them. */
const duration = z
  .string()
  .regex(
    /^P(?=.)([0-9]{1,4}W)?([0-9]{1,4}D)?(T(?=.)([0-9]{1,5}H)?([0-9]{1,5}M)?([0-9]{1,6}S)?)?$/,
    'must be an ISO 8601 duration of weeks, days, hours, minutes and seconds',
  )
  .refine((value) => /[1-9]/.test(value), 'must be longer than nothing');

const cron = text(200).superRefine((value, context) => {
  const fault = faultOfCron(value);
  if (fault !== null) context.addIssue({ code: 'custom', message: fault });
});

const timing = z
  .strictObject({
    cron: cron.exactOptional().describe('Minute, hour, day of month, month, day of week.'),
    every: duration.exactOptional().describe('An ISO 8601 duration, counted from 1970.'),
    at: instant.exactOptional().describe('Once.'),
    timeZone: text(100).exactOptional().describe('For `cron`: an IANA name; UTC where it is left out.'),
    startsAt: instant.exactOptional(),
    endsAt: instant.exactOptional(),
    jitter: duration.exactOptional().describe('Runs are spread over this long.'),
  })
  .refine(
    ({ cron, every, at }) => [cron, every, at].filter((one) => one !== undefined).length === 1,
    'must have one of `cron`, `every` and `at`',
  );

export const newScheduleBody = component(
  'NewSchedule',
  z.strictObject({
    actionType: text(1_500).describe('A name.'),
    parameters: z.record(z.string(), json),
    justification: text(4_000).describe('Why; shown to reviewers of each run.'),
    timing,
    skipWhileOpen: z.boolean().default(false).describe('Leave a run out while the proposal of an earlier one is open.'),
  }),
);

export const scheduleChangeBody = component('ScheduleChange', z.strictObject({ reason: text(4_000) }));

export const scheduleSchema = component(
  'Schedule',
  z.strictObject({
    id: uuid,
    actionType: z.string(),
    parameters: json,
    justification: z.string(),
    timing: z.record(z.string(), z.string()),
    skipWhileOpen: z.boolean(),
    owner: z.string().describe('Whose proposals the runs are, with the standing of that instant.'),
    state: z.enum(['active', 'paused', 'deleted']),
    stateReason: z.string().nullable(),
    stateBy: z.string(),
    stateAt: time,
    triggered: z
      .strictObject({ at: time, by: z.string(), reason: z.string() })
      .nullable()
      .describe('The newest run that was asked for beside its times.'),
    nextRuns: z
      .array(time)
      .nullable()
      .exactOptional()
      .describe(
        'Of a schedule that is read by itself: its next times, at most ten, jitter included. Null while Temporal, which keeps the time, cannot be asked.',
      ),
    runs: z
      .array(
        z.strictObject({
          nominalAt: time,
          proposalId: uuid.nullable(),
          refused: z.string().nullable().describe('Why there is no proposal: a problem’s code.'),
          faults: json,
        }),
      )
      .describe('The newest twenty, newest first.'),
    createdAt: time,
  }),
  'An action that is proposed again and again, or once later.',
);

export const schedulesSchema = component('Schedules', z.strictObject({ schedules: z.array(scheduleSchema) }));
