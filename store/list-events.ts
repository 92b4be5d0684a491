import { beginning, type CloudEvent, comparePositions, type Position, positionBehind } from '../ontology/cloud-event.ts';
import { isWanted, type WantedEvents } from '../ontology/is-wanted.ts';
import type { JsonValue } from '../ontology/json.ts';
import { pageSizeOf, pageToken, readPageToken } from './page-token.ts';
import { isKept, readEvents, readOldest } from './read-events.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

export interface EventQuery extends WantedEvents {
  /** Where the first page begins. */
  after: Position;
  pageSize?: number;
  pageToken?: string;
}

export interface EventList {
  events: CloudEvent[];
  nextPageToken: string | null;
}

const lookedAt = 500; // Events that a filter is asked about at once.
const lookedAtBytes = 1024 * 1024; // Of events at once. So a page is of four times as much at most, or of one event.
const mostTries = 3; // To begin with the oldest: what was oldest may be deleted while the page is read, a thousand entries at a time.
const mostLooks = 4; // For one page; then it is answered with what was found, be it nothing, and the token goes on from there.

/** A page of a tenant's events, oldest first; from the very beginning it begins with the oldest that is kept. A filter, or large events, may leave a page half empty although there is more: the token says so. */
export async function listEvents(tx: Sql, tenant: string, query: EventQuery): Promise<EventList | Refusal> {
  const from = query.pageToken === undefined ? query.after : positionIn(readPageToken(askedOf(query), query.pageToken)?.after);
  if (from === null) return refuse('invalid_page_token');
  const isBeginning = comparePositions(from, beginning) === 0;
  for (let tries = 0; tries < mostTries; tries++) {
    const after = isBeginning ? await readOldest(tx, tenant) : from;
    const list = await listBehind(tx, tenant, { ...query, after });
    if (await isKept(tx, tenant, after)) return list;
    if (!isBeginning) break;
  }
  return refuse('events_not_kept');
}

async function listBehind(tx: Sql, tenant: string, query: EventQuery): Promise<EventList> {
  const { type, subject, proposalId, after, pageSize } = query;
  const asked = askedOf(query);
  const size = pageSizeOf(pageSize);
  let at = after;
  const found: CloudEvent[] = [];
  const isFiltered = type !== undefined || subject !== undefined;
  for (let look = 0; look < mostLooks; look++) {
    const limit = isFiltered ? lookedAt : size - found.length;
    const next = await readEvents(tx, { tenant, proposalId, after: at, limit, bytes: lookedAtBytes });
    if (comparePositions(next.next, at) === 0) return { events: found, nextPageToken: null };
    for (const event of next.events) {
      if (isWanted(event, query)) found.push(event);
      if (found.length === size) return { events: found, nextPageToken: tokenOf(asked, positionBehind(event)) };
    }
    at = next.next;
  }
  return { events: found, nextPageToken: tokenOf(asked, at) };
}

function askedOf({ type, subject, proposalId }: WantedEvents): JsonValue {
  return { type: type ?? null, subject: subject ?? null, proposalId: proposalId ?? null };
}

function tokenOf(asked: JsonValue, { seq, ordinal }: Position): string {
  return pageToken(asked, [seq, ordinal]);
}

function positionIn(token: JsonValue | undefined): Position | null {
  if (!Array.isArray(token)) return null;
  const [seq, ordinal] = token;
  return isCount(seq, Number.MAX_SAFE_INTEGER) && isCount(ordinal, 99_999_999) ? { seq, ordinal } : null;
}

function isCount(value: JsonValue | undefined, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}
