import type { CloudEvent, EventRow, Position } from '../ontology/cloud-event.ts';
import { beginning, behind, cloudEvent, isUnreadable, parseSequence } from '../ontology/cloud-event.ts';
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

/** What is read at once, and kept in memory by whoever reads: a page ends where either is reached. */
export interface PageSize {
  /** The most events. */
  limit: number;
  /** The most bytes of their data as JSON; a single event may have more. */
  bytes: number;
}

const pageBytes = 1024 * 1024; // Some two thousand ordinary events.

export interface EventLook {
  tenant: string;
  /** Of one proposal alone. */
  proposalId?: string | undefined;
  after: Position;
  limit: number;
  bytes?: number;
}

/** A tenant's own events behind a position, in the order of commits, without those that cannot be told. */
export async function readEvents(tx: Sql, { tenant, proposalId, after, limit, bytes = pageBytes }: EventLook): Promise<EventPage> {
  const rows = await tx.rows<Row>(
    `SELECT ${eventColumns} FROM exequatur.events_after($1::uuid, $2::bigint, $3::int, $4::int, $5::int, $6::uuid) e`,
    [tenant, after.seq, after.ordinal, limit, bytes, proposalId ?? null],
  );
  const { events, next } = pageOf(rows, after);
  return { events: events.filter((event) => !isUnreadable(event)), next };
}

export function pageOf(rows: readonly Row[], after: Position): EventPage {
  const events = rows.filter((row): row is EventRow => row.id !== null);
  const last = rows.at(-1);
  if (last === undefined) return { events: [], next: after };
  return { events: events.map(cloudEvent), next: behind(last) };
}

/** In front of the oldest event that is kept: what those mean who begin at the very beginning. */
export async function readOldest(tx: Sql, tenant: string): Promise<Position> {
  const [row] = await tx.rows<{ deleted: number }>(
    'SELECT f.deleted_seq::float8 AS deleted FROM exequatur.event_feed f WHERE f.tenant_id = $1::uuid',
    [tenant],
  );
  return { seq: row?.deleted ?? 0, ordinal: 0 };
}

/**
 * Whether nothing behind a position was deleted. MUST be asked in the transaction of a read and after it: what is deleted in between is missing there already.
 */
export async function isKept(tx: Sql, tenant: string, { seq }: Position): Promise<boolean> {
  return seq >= (await readOldest(tx, tenant)).seq;
}

/** The event at a place, or null. */
export async function readEvent(tx: Sql, tenant: string, sequence: string): Promise<CloudEvent | null> {
  const place = parseSequence(sequence);
  if (place === null || place.ordinal === 0) return null;
  const { events } = await readEvents(tx, { tenant, after: behind({ ...place, ordinal: place.ordinal - 1 }), limit: 1 });
  return events.find((event) => event.sequence === sequence) ?? null;
}

/** Behind everything that has been committed. */
export async function readHead(tx: Sql, tenant: string): Promise<Position> {
  const [row] = await tx.rows<Position>(
    `SELECT h.seq::float8 AS seq, coalesce(f.checkpoints, 0) AS ordinal
       FROM (SELECT coalesce(max(e.seq), 0) AS seq FROM exequatur.audit_entry e WHERE e.tenant_id = $1::uuid) h
       LEFT JOIN exequatur.event_feed f ON f.tenant_id = $1::uuid AND f.head_seq = h.seq`,
    [tenant],
  );
  return row ?? beginning;
}

/** Behind everything that happened up to a time. */
export async function readPositionAt(tx: Sql, tenant: string, time: string): Promise<Position> {
  const [row] = await tx.rows<Position>(
    `SELECT p.seq::float8 AS seq,
            (SELECT count(*)::int FROM exequatur.audit_entry e JOIN exequatur.outbox o ON o.tenant_id = e.tenant_id AND o.audit_entry_id = e.id AND o.type = 'audit.checkpoint' AND exequatur.can_be_told(o, e.at)
              WHERE e.tenant_id = $1::uuid AND e.seq = p.seq AND date_trunc('milliseconds', o.created_at) <= $2::timestamptz) AS ordinal
       FROM exequatur.last_entry_until($1::uuid, $2::timestamptz) p(seq)`,
    [tenant, time],
  );
  return row ?? beginning;
}
