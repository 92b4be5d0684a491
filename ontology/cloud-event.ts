import type { JsonObject } from './json.ts';

/** One event as the database tells it. */
export interface EventRow {
  tenant: string;
  /**
   * Its position: which entry of the tenant's log it belongs to, and which of that entry's events it is, from 1. Checkpoints that were made before the entry was there
   * come in front of its own events.
   */
  seq: number;
  ordinal: number;
  /** RFC 3339, UTC, milliseconds. */
  at: string;
  id: string;
  type: string;
  subject: string;
  /** Events of one key are told in order. */
  key: string;
  /** Null where what was written cannot be told. */
  data: JsonObject | null;
  traceparent: string | null;
}

/** CloudEvents 1.0, with the extensions `sequence`, `partitionkey`, `traceparent` and one of our own, `tenant`. */
export interface CloudEvent {
  specversion: '1.0';
  /** Stable: a repeat has the same. Unique within its source. */
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  dataschema: string;
  tenant: string;
  partitionkey: string;
  /** Orders the events of one source, as text. */
  sequence: string;
  traceparent?: string;
  /** Where the data are, for an event that is too large to carry them. */
  dataref?: string;
  data?: JsonObject;
}

const seqDigits = 16; // As many as a safe integer has.
const ordinalDigits = 8; // An execution has at most some hundred thousand edits.

export function cloudEvent(row: EventRow): CloudEvent {
  return {
    specversion: '1.0',
    id: row.id,
    source: `urn:exequatur:tenant:${row.tenant}`,
    type: row.type,
    subject: row.subject,
    time: row.at,
    datacontenttype: 'application/json',
    dataschema: `/schemas/events/${schemaNameOf(row.type)}.json`,
    tenant: row.tenant,
    partitionkey: row.key,
    sequence: sequenceOf(row),
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    ...(row.data === null ? {} : { data: row.data }),
  };
}

/** Messages have types of their authors' own, and one shape. */
export function schemaNameOf(type: string): string {
  return type.startsWith('message.') ? 'message' : type;
}

/** The same event without its data, which are read at `/v1/events/{sequence}`. */
export function byReference({ data: _, ...event }: CloudEvent): CloudEvent {
  return { ...event, dataref: `/v1/events/${event.sequence}` };
}

/** What was written of it cannot be told. Publishers hold it until somebody has mended it or leaves it out; all others pass it over. */
export function isUnreadable({ data, dataref }: CloudEvent): boolean {
  return data === undefined && dataref === undefined;
}

const unreadableKey = 'unreadable:';

/** Whether this is what was held under a key: an event of that key, or one of those that could not be told of an execution and now can. */
export function isOfKey({ id, partitionkey }: CloudEvent, key: string): boolean {
  return partitionkey === key || (key.startsWith(unreadableKey) && id.startsWith(`${key.slice(unreadableKey.length)}.`));
}

export interface Position {
  /** All events of the entries up to this are behind. */
  seq: number;
  /** And so many of the next entry's. */
  ordinal: number;
}

export const beginning: Position = { seq: 0, ordinal: 0 };

/** The position behind an event: what is read next follows it. */
export function behind({ seq, ordinal }: Pick<EventRow, 'seq' | 'ordinal'>): Position {
  return { seq: seq - 1, ordinal };
}

export function sequenceOf({ seq, ordinal }: Pick<EventRow, 'seq' | 'ordinal'>): string {
  return `${String(seq).padStart(seqDigits, '0')}.${String(ordinal).padStart(ordinalDigits, '0')}`;
}

/** A position as text. Behind an event it is that event's sequence; `parsePosition` reads both. */
export function positionText({ seq, ordinal }: Position): string {
  return sequenceOf({ seq: seq + 1, ordinal });
}

/** The position behind what has this sequence; null where it is none. */
export function parsePosition(text: string): Position | null {
  const place = parseSequence(text);
  return place === null ? null : behind(place);
}

/** The position behind an event that was read. */
export function positionBehind({ sequence }: CloudEvent): Position {
  const position = parsePosition(sequence);
  if (position === null) throw new Error('an event has no sequence');
  return position;
}

/** Negative where the left one is before. Both may say the same of an entry that is over; whoever takes them for different looks once more. */
export function comparePositions(left: Position, right: Position): number {
  return left.seq - right.seq || left.ordinal - right.ordinal;
}

/** Null where this is no sequence of an event. */
export function parseSequence(text: string): Pick<EventRow, 'seq' | 'ordinal'> | null {
  const [, seq, ordinal] = /^(\d{16})\.(\d{8})$/.exec(text) ?? [];
  if (seq === undefined || ordinal === undefined) return null;
  const place = { seq: Number(seq), ordinal: Number(ordinal) };
  return Number.isSafeInteger(place.seq) && place.seq > 0 ? place : null;
}

/** Which entry an event of the log belongs to, and which of that entry's events it is. */
export function placeOf({ sequence }: Pick<CloudEvent, 'sequence'>): Pick<EventRow, 'seq' | 'ordinal'> {
  const place = parseSequence(sequence);
  if (place === null) throw new Error('unreachable: the sequence of an event was made here');
  return place;
}
