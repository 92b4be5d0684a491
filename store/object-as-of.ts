import type { ObjectView } from './read-object.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

/**
 * An object as it was at a time, from what executions did to it: what its last creation until then set, and what each change after that set or took away. An
 * execution of that very millisecond counts, since clients are shown milliseconds. Of each property only the last word is read.
 */
export async function getObjectAsOf(tx: Sql, type: string, id: string, asOf: string): Promise<ObjectView | Refusal> {
  const [row] = await tx.rows<{ isFuture: boolean; object: ObjectView | null }>(
    `WITH last AS (
       SELECT h.version, h.op FROM exequatur.object_history h
        WHERE h.type = $1 AND h.object_id = $2 AND date_trunc('milliseconds', h.at) <= $3::timestamptz ORDER BY h.version DESC LIMIT 1
     ), born AS (
       SELECT h.version FROM exequatur.object_history h, last
        WHERE h.type = $1 AND h.object_id = $2 AND h.op = 'create' AND h.version <= last.version ORDER BY h.version DESC LIMIT 1
     ), words AS (
       SELECT DISTINCT ON (w.property) w.property, w.value
         FROM born, last, exequatur.object_history h
        CROSS JOIN LATERAL (SELECT s.key, s.value FROM jsonb_each(h.set) s UNION ALL SELECT u, NULL FROM unnest(h.unset) u) w(property, value)
        WHERE h.type = $1 AND h.object_id = $2 AND h.version BETWEEN born.version AND last.version
        ORDER BY w.property, h.version DESC
     )
     SELECT $3::timestamptz > exequatur.clock() AS "isFuture",
            (SELECT jsonb_build_object('type', t.name, 'id', $2::text, 'version', last.version, 'properties',
                      COALESCE((SELECT jsonb_object_agg(w.property, w.value) FROM words w WHERE w.value IS NOT NULL), '{}'))
               FROM last WHERE last.op <> 'delete') AS object
       FROM exequatur.object_type t WHERE t.name = $1`,
    [type, id, asOf],
  );
  if (row === undefined) return refuse('unknown_object_type');
  if (row.isFuture)
    return refuse('malformed_request', [{ code: 'malformed_request', pointer: '/asOf', message: 'must not lie in the future' }]);
  return row.object ?? refuse('not_found');
}
