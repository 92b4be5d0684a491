import type { BenchStack } from './bench-stack.ts';
import { groupOf } from './load-items.ts';

type Kind = 'plain' | 'indexed';

const update = `
  UPDATE bench.object AS o
  SET properties = o.properties || jsonb_build_object($3::text, change.value), version = o.version + 1
  FROM unnest($1::text[], $2::bigint[]) AS change(id, value)
  WHERE o.tenant_id = $4 AND o.type = 'item' AND o.id = change.id`;
const unindex = `
  DELETE FROM bench.object_index AS i USING unnest($1::text[], $2::text[]) AS was(id, key)
  WHERE i.tenant_id = $3 AND i.type = 'item' AND i.property = 'indexed' AND i.key = was.key AND i.object_id = was.id`;
const index = `
  INSERT INTO bench.object_index (tenant_id, type, property, key, object_id)
  SELECT $3, 'item', 'indexed', exequatur.index_key('integer', to_jsonb(value)), id FROM unnest($1::text[], $2::bigint[]) AS change(id, value)`;

let shifted = 1_000_000;

/**
 * The least work that changes the same rows: one UPDATE from arrays, in one transaction, on copies of the product's own tables, without history, checks, digest or
 * audit; for an indexed property the same index rows are replaced. Runs as the superuser, so that no row-level security is paid for. @returns milliseconds
 */
export async function measureBareUpdate(stack: BenchStack, kind: Kind, size: number): Promise<number> {
  const client = await stack.superuser.connect();
  try {
    const { rows } = await client.query<{ id: string; key: string }>(
      `SELECT id, exequatur.index_key('integer', properties -> 'indexed') AS key FROM bench.object WHERE properties ->> 'group' = $1 ORDER BY id`,
      [groupOf(size)],
    );
    const ids = rows.map(({ id }) => id);
    shifted += 1;
    const values = ids.map(() => shifted);
    const from = performance.now();
    await client.query('BEGIN');
    const { rowCount } = await client.query(update, [ids, values, kind, stack.tenant]);
    if (kind === 'indexed') {
      await client.query(unindex, [ids, rows.map(({ key }) => key), stack.tenant]);
      await client.query(index, [ids, values, stack.tenant]);
    }
    await client.query('COMMIT');
    const took = performance.now() - from;
    if (rowCount !== size) throw new Error(`the bare update changed ${rowCount} rows, not ${size}`);
    return took;
  } finally {
    client.release();
  }
}
