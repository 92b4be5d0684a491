import type pg from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';
import { deleteOldEvents, oldestEventAgeMs } from '../store/event-retention.ts';
import type { Round } from './poll.ts';

const everyMs = 60_000; // Nobody waits for it; while there is more, the next batch follows at once.
const entriesAtOnce = 1_000; // Of one transaction, which so takes some ten milliseconds.

/** Deletes events that are old and that nobody waits for, with its figures. */
export function retentionRounds({ pool, keptDays, registry }: { pool: pg.Pool; keptDays: number; registry: Registry }): Round[] {
  const registers = [registry];
  const deleted = new Counter({
    name: 'exequatur_events_deleted_total',
    help: 'Events that were kept for as long as they are to be.',
    registers,
  });
  const oldest = new Gauge({ name: 'exequatur_events_oldest_kept_seconds', help: 'Age of the oldest events that are kept.', registers });
  const work = async () => {
    const events = await deleteOldEvents(pool, { keptDays, entries: entriesAtOnce });
    deleted.inc(events ?? 0);
    if (events === null) oldest.set((await oldestEventAgeMs(pool)) / 1_000);
    return events !== null;
  };
  return [{ name: 'retention', everyMs, work }];
}
