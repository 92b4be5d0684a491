import type { CloudEvent, EventRow, Position } from '../ontology/cloud-event.ts';
import { behind, cloudEvent } from '../ontology/cloud-event.ts';
import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';

export interface EventPage {
  events: CloudEvent[];
  /** Where the next page begins. It moves on also where entries have no events. */
  next: Position;
}

type Row = Omit<EventRow, 'id'> & { id: string | null };

/** What is selected of `events_after` as e, for a tenant that is the first value. */
export const eventColumns = `$1::uuid AS tenant, e.seq::float8 AS seq, e.ordinal, ${isoTime('e.at')} AS at, e.id, e.type, e.subject, e.key, e.data, e.traceparent`;

/** A tenant's own events behind a position, in the order of commits, at most `limit`. */
export async function readEvents(
  tx: Sql,
  { tenant, after, limit }: { tenant: string; after: Position; limit: number },
): Promise<EventPage> {
  const rows = await tx.rows<Row>(`SELECT ${eventColumns} FROM exequatur.events_after($1::uuid, $2::bigint, $3::int, $4::int) e`, [
    tenant,
    after.seq,
    after.ordinal,
    limit,
  ]);
  return pageOf(rows, after);
}

export function pageOf(rows: readonly Row[], after: Position): EventPage {
  const events = rows.filter((row): row is EventRow => row.id !== null);
  const last = rows.at(-1);
  if (last === undefined) return { events: [], next: after };
  return { events: events.map(cloudEvent), next: last.id === null ? { seq: last.seq, ordinal: 0 } : behind(last) };
}
