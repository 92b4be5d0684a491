import { WorkflowNotFoundError } from '@temporalio/client';
import { markScheduleWatched, type ScheduleToWatch, schedulesToWatch, timesWithoutRun } from '../store/schedule-watch.ts';
import { missedRunsOptions, missedRunsWorkflowType, ranAs, temporalScheduleId } from '../workflows/scheduled-run.contract.ts';
import type { RelayDeps } from './redeliver-nudges.ts';
import { startUnlessRunning } from './start-unless-running.ts';

const page = 200; // Of schedules in one round; those after them are next, thirty seconds later.
const mostAtOnce = 100; // Runs that one workflow puts on record, so that it stays short; the rest come in the next round.

/**
 * Finds runs that were to begin and did not: Temporal was away, or had lost the schedule, for longer than runs are made up for. Which times there were Temporal says, by the
 * schedule that it keeps now; which of them came to anything stands in the database. A worker puts the rest on record.
 * @returns how many runs were missed
 */
export async function watchSchedules(deps: RelayDeps): Promise<number> {
  let missed = 0;
  for (const schedule of await schedulesToWatch(deps.pool, page)) {
    try {
      missed += await watch(deps, schedule);
    } catch (error) {
      deps.logger.error({ err: error, tenant: schedule.tenantId, schedule: schedule.scheduleId }, 'a schedule could not be looked after');
    }
  }
  return missed;
}

async function watch(deps: RelayDeps, schedule: ScheduleToWatch): Promise<number> {
  const { client, pool, taskQueue, logger } = deps;
  const { tenantId, scheduleId, actionType, since, until } = schedule;
  const { times, seenUntil } = await timesOf(deps, schedule);
  const missed: string[] = [];
  for (const time of await timesWithoutRun(pool, schedule, times)) if (!(await hasBegun(deps, schedule, time))) missed.push(time);
  const told = missed.slice(0, mostAtOnce);
  if (told[0] !== undefined) {
    const start = { tenantId, scheduleId, missed: told };
    await startUnlessRunning(client, missedRunsWorkflowType, missedRunsOptions(start, actionType, taskQueue));
    logger.warn({ tenant: tenantId, schedule: scheduleId, since, until, missed: told.length }, 'runs of a schedule were missed');
  }
  await markScheduleWatched(pool, schedule, told.length < missed.length ? (told.at(-1) ?? seenUntil) : seenUntil);
  return told.length;
}

/** When it was to run between the two instants, and up to when that is all. Temporal tells a thousand at most. */
async function timesOf({ client }: RelayDeps, schedule: ScheduleToWatch): Promise<{ times: string[]; seenUntil: string }> {
  const { since, until, triggeredAt } = schedule;
  const besides = triggeredAt !== null && triggeredAt > since && triggeredAt <= until ? [triggeredAt] : [];
  if (since >= until) return { times: [], seenUntil: until };
  const { startTime } = await client.workflowService.listScheduleMatchingTimes({
    namespace: client.options.namespace,
    scheduleId: temporalScheduleId(schedule),
    startTime: timestampOf(since),
    endTime: timestampOf(until),
  });
  const times = (startTime ?? []).map(({ seconds, nanos }) => new Date(Number(seconds ?? 0) * 1_000 + (nanos ?? 0) / 1e6).toISOString());
  const isAll = times.length < mostTold;
  return { times: [...times, ...besides], seenUntil: isAll ? until : (times.at(-1) ?? until) };
}

const mostTold = 1_000;

/** By hand, as above: of the conversions that the SDK has, it says that they are for itself alone. */
function timestampOf(time: string) {
  const ms = Date.parse(time);
  return { seconds: Math.floor(ms / 1_000) as never, nanos: (ms % 1_000) * 1e6 };
}

/** Whether Temporal has begun it, and a worker is yet to come. */
async function hasBegun({ client }: RelayDeps, schedule: ScheduleToWatch, time: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(ranAs(schedule, time, schedule.triggeredAt)).describe();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
