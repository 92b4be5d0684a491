import type pg from 'pg';

/**
 * Deletes events of one tenant that are older than so many days and that everybody has passed who has a place among them, in one short transaction. Two who do it at once
 * get different tenants. @returns how many, or null where there is nothing to delete.
 */
export async function deleteOldEvents(pool: pg.Pool, { keptDays, entries }: { keptDays: number; entries: number }): Promise<number | null> {
  const { rows } = await pool.query<{ events: number }>({
    name: 'delete_old_events',
    text: 'SELECT d.events::float8 AS events FROM exequatur.delete_old_events(make_interval(days => $1::int), $2::int) d',
    values: [keptDays, entries],
  });
  return rows[0]?.events ?? null;
}

/** Of the oldest events that are kept, over all tenants, ms; 0 where there are none. */
export async function oldestEventAgeMs(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ ageMs: number }>(
    'SELECT coalesce(extract(epoch FROM exequatur.clock() - exequatur.oldest_event()) * 1000, 0)::float8 AS "ageMs"',
  );
  return rows[0]?.ageMs ?? 0;
}
