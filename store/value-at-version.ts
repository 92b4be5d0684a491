import type { JsonValue } from '../ontology/json.ts';
import type { Sql } from './sql.ts';

/** What a property was at a version of an object, from its history, which never changes; null where it was absent. One descending walk of the object's own entries. */
export async function valueAtVersion(tx: Sql, type: string, id: string, version: number, property: string): Promise<JsonValue> {
  const [row] = await tx.rows<{ value: JsonValue }>(
    `SELECT h.set -> $4 AS value FROM exequatur.object_history h
      WHERE h.type = $1 AND h.object_id = $2 AND h.version <= $3::bigint AND (h.op <> 'modify' OR h.set ? $4 OR $4 = ANY(h.unset))
      ORDER BY h.version DESC LIMIT 1`,
    [type, id, version, property],
  );
  return row?.value ?? null;
}
