import type pg from 'pg';
import { isoTime } from './proposal-row.ts';

/** A schedule whose times are to be held against its runs. */
export interface ScheduleToWatch {
  tenantId: string;
  scheduleId: string;
  actionType: string;
  /** Between which instants, ISO text. */
  since: string;
  until: string;
  /** For how long after its time a run may begin. */
  spread: string;
  triggeredAt: string | null;
}

/** Those at which nobody has looked for the longest. */
export async function schedulesToWatch(pool: pg.Pool, limit: number): Promise<ScheduleToWatch[]> {
  const { rows } = await pool.query<ScheduleToWatch>(
    `SELECT s.tenant_id AS "tenantId", s.id AS "scheduleId", s.action_type AS "actionType", ${isoTime('s.since')} AS since, ${isoTime('s.until')} AS until,
            s.spread::text AS spread, ${isoTime('s.triggered_at')} AS "triggeredAt" FROM exequatur.schedules_to_watch($1::int) s`,
    [limit],
  );
  return rows;
}

/** Of these times, those at which no run is on record, oldest first. */
export async function timesWithoutRun(
  pool: pg.Pool,
  { tenantId, scheduleId, spread }: ScheduleToWatch,
  times: readonly string[],
): Promise<string[]> {
  if (times.length === 0) return [];
  const { rows } = await pool.query<{ time: string }>(
    `SELECT ${isoTime('t')} AS time FROM exequatur.times_without_run($1::uuid, $2::uuid, $3::timestamptz[], $4::interval) t`,
    [tenantId, scheduleId, times, spread],
  );
  return rows.map(({ time }) => time);
}

export async function markScheduleWatched(pool: pg.Pool, { tenantId, scheduleId }: ScheduleToWatch, until: string): Promise<void> {
  await pool.query('SELECT exequatur.mark_schedule_watched($1::uuid, $2::uuid, $3::timestamptz)', [tenantId, scheduleId, until]);
}
