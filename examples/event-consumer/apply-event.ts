import type pg from 'pg';
import { type Copy, merged, unknownObject } from './merge-change.ts';

/** What an event says of an object. */
export interface EventData {
  type?: string;
  id?: string;
  version?: number;
  set?: Record<string, unknown>;
  unset?: string[];
}

/** Of one event what this consumer needs. */
export interface ReceivedEvent {
  source: string;
  id: string;
  type: string;
  /** Null where they were too large for the record: they MUST be read before the event is applied, if the copies need them. */
  data: EventData | null;
}

/** Whether copies are made of what events of this type say. */
export function isCopied(type: string): boolean {
  return type.startsWith('object.');
}

/** The inbox remembers what was done; `replica` is what this consumer makes of it: here, copies of objects. What is known of one that was deleted stays in `copy`, for changes that come late. */
export const tables = `
  CREATE TABLE IF NOT EXISTS inbox (source text, id text, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, id));
  CREATE TABLE IF NOT EXISTS copy (source text, type text, id text, known jsonb NOT NULL, PRIMARY KEY (source, type, id));
  CREATE OR REPLACE VIEW replica AS SELECT source, type, id, (known ->> 'version')::bigint AS version, known -> 'properties' AS properties
    FROM copy WHERE (known ->> 'version')::bigint > (known ->> 'deleted')::bigint;`;

/**
 * Does what one event asks for, once, however often the event comes: that it was received and what was made of it commit together. A crash before COMMIT leaves neither,
 * and Kafka, which was not told either, sends it again. False for a repeat.
 */
export async function applyEvent(client: pg.ClientBase, event: ReceivedEvent): Promise<boolean> {
  await client.query('BEGIN');
  try {
    const { rowCount } = await client.query('INSERT INTO inbox (source, id) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      event.source,
      event.id,
    ]);
    if (rowCount === 1) await replicate(client, event);
    await client.query('COMMIT');
    return rowCount === 1;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function replicate(client: pg.ClientBase, { source, id, type, data }: ReceivedEvent): Promise<void> {
  if (!isCopied(type)) return;
  if (data === null) throw new Error(`event ${id} came without its data`);
  const object = [source, data.type, data.id];
  await client.query('INSERT INTO copy (source, type, id, known) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', [
    ...object,
    unknownObject,
  ]);
  const where = 'WHERE source = $1 AND type = $2 AND id = $3';
  const { rows } = await client.query<{ known: Copy }>(`SELECT known FROM copy ${where} FOR UPDATE`, object);
  await client.query(`UPDATE copy SET known = $4 ${where}`, [...object, merged(rows[0]?.known ?? unknownObject, type, data)]);
}
