import type pg from 'pg';

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

/** The inbox remembers what was done; `replica` is what this consumer makes of it: here, copies of objects. */
export const tables = `
  CREATE TABLE IF NOT EXISTS inbox (source text, id text, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, id));
  CREATE TABLE IF NOT EXISTS replica (source text, type text, id text, version bigint NOT NULL, properties jsonb NOT NULL, PRIMARY KEY (source, type, id));`;

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
  if (type === 'object.deleted') await client.query('DELETE FROM replica WHERE source = $1 AND type = $2 AND id = $3', object);
  if (type !== 'object.created' && type !== 'object.modified') return;
  await client.query(
    `INSERT INTO replica AS r (source, type, id, version, properties) VALUES ($1, $2, $3, $4, $5::jsonb)
     ON CONFLICT (source, type, id) DO UPDATE SET version = excluded.version, properties = (r.properties - $6::text[]) || excluded.properties`,
    [...object, data.version, JSON.stringify(data.set ?? {}), data.unset ?? []],
  );
}
