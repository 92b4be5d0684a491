import { type Backfill, ScheduleAlreadyRunning, ScheduleNotFoundError, type ScheduleOptions } from '@temporalio/client';
import { durationMs } from '../ontology/duration.ts';
import type { ScheduleTiming } from '../ontology/schedule-timing.ts';
import { markScheduleTold, type ScheduleToTell, schedulesToTell } from '../store/relay-work.ts';
import {
  scheduledRunOptions,
  scheduledRunWorkflowType,
  temporalScheduleId,
  triggeredRunOptions,
} from '../workflows/scheduled-run.contract.ts';
import type { RelayDeps } from './redeliver-nudges.ts';
import { startUnlessRunning } from './start-unless-running.ts';

const page = 1_000;
const catchUpMs = 10 * 60_000; // What could not run for longer than this is not made up for: nobody expects yesterday's run today.

/**
 * Makes Temporal keep the time of every schedule that is active, and of no other. `everything` looks after those as well of which it was told: Temporal may have lost them.
 * One that Temporal does not take is logged, and tried again in the next round: it is nobody else's trouble.
 * @returns how many it was told of. @throws {Error} where Temporal took none of those that it was asked to.
 */
export async function keepSchedules(deps: RelayDeps, everything: boolean): Promise<number> {
  const changed = await keepAll(deps, false); // First, so that what somebody asks for now does not wait for the sweep.
  return everything ? changed + (await keepAll(deps, true)) : changed;
}

async function keepAll(deps: RelayDeps, everything: boolean): Promise<number> {
  let told = 0;
  let kept = 0;
  let failure: unknown;
  let after: ScheduleToTell | undefined;
  for (;;) {
    const schedules = await schedulesToTell(deps.pool, { everything, limit: page, ...(after === undefined ? {} : { after }) });
    for (const schedule of schedules) {
      try {
        if (await keep(deps, schedule)) told++;
        kept++;
      } catch (error) {
        failure = error;
        deps.logger.error({ err: error, tenant: schedule.tenantId, schedule: schedule.scheduleId }, 'Temporal does not keep a schedule');
      }
    }
    after = schedules.at(-1);
    if (schedules.length < page) break;
  }
  // Where none was kept it is not the schedule: whoever runs the rounds is to see that this one failed.
  if (failure !== undefined && kept === 0) throw failure;
  return told;
}

async function keep(deps: RelayDeps, schedule: ScheduleToTell): Promise<boolean> {
  const told = await tell(deps, schedule);
  if (schedule.triggeredAt !== null) await runNow(deps, { ...schedule, triggeredAt: schedule.triggeredAt });
  await markScheduleTold(deps.pool, schedule);
  return told;
}

/** @returns whether Temporal had it otherwise. A schedule's timing never changes, so what is there is right. */
async function tell(
  { client, taskQueue, logger }: RelayDeps,
  { tenantId, scheduleId, actionType, timing, state }: ScheduleToTell,
): Promise<boolean> {
  const start = { tenantId, scheduleId };
  const id = temporalScheduleId(start);
  try {
    if (state !== 'active') await client.schedule.getHandle(id).delete();
    else
      await client.schedule.create({
        scheduleId: id,
        spec: specOf(timing),
        action: scheduledRunOptions(start, actionType, taskQueue),
        policies: { overlap: 'ALLOW_ALL', catchupWindow: catchUpMs },
        state: { backfill: missedRun(timing) },
      } as ScheduleOptions);
    logger.info({ tenant: tenantId, schedule: scheduleId, state }, 'Temporal was told of a schedule');
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning || error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}

/** The one time of a schedule that passed before Temporal was told of it, which Temporal would leave out; a run that it was told of before makes no second proposal. */
function missedRun({ at }: ScheduleTiming): Backfill[] {
  const once = at === undefined ? Number.NaN : Math.floor(Date.parse(at) / 1_000) * 1_000; // As the calendar has it.
  const late = Date.now() - once;
  return late >= 0 && late <= catchUpMs ? [{ start: new Date(once - 1_000), end: new Date(once), overlap: 'ALLOW_ALL' }] : [];
}

async function runNow(
  { client, taskQueue, logger }: RelayDeps,
  { tenantId, scheduleId, actionType, triggeredAt }: ScheduleToTell & { triggeredAt: string },
): Promise<void> {
  const options = triggeredRunOptions({ tenantId, scheduleId, triggeredAt }, actionType, taskQueue);
  if (await startUnlessRunning(client, scheduledRunWorkflowType, options))
    logger.info({ tenant: tenantId, schedule: scheduleId, triggeredAt }, 'a run of a schedule was begun beside its times');
}

const months = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;

function specOf({ cron, every, at, timeZone, startsAt, endsAt, jitter }: ScheduleTiming): ScheduleOptions['spec'] {
  const bounds = {
    ...(startsAt === undefined ? {} : { startAt: new Date(startsAt) }),
    ...(endsAt === undefined ? {} : { endAt: new Date(endsAt) }),
    ...(jitter === undefined ? {} : { jitter: durationMs(jitter) }),
  };
  if (cron !== undefined) return { ...bounds, cronExpressions: [cron], ...(timeZone === undefined ? {} : { timezone: timeZone }) };
  if (every !== undefined) return { ...bounds, intervals: [{ every: durationMs(every) }] };
  const once = new Date(at ?? 0);
  return {
    ...bounds,
    calendars: [
      {
        year: once.getUTCFullYear(),
        month: months[once.getUTCMonth()] ?? 'JANUARY',
        dayOfMonth: once.getUTCDate(),
        hour: once.getUTCHours(),
        minute: once.getUTCMinutes(),
        second: once.getUTCSeconds(),
      },
    ],
  };
}
