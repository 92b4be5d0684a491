import { createHash } from 'node:crypto';
import { RecentlyUsed } from '../ontology/recently-used.ts';
import type { Sql } from './sql.ts';

const mostKnown = 10_000; // Some two megabytes.

/** Plans whose bytes were found to be those of their digest, with the versions of the rows that held them: whoever alters one, with whatever rights, makes another version. */
const known = new RecentlyUsed<string>(mostKnown);

/**
 * Whether the bytes of a plan are no longer those of its digest, which whoever administers the database can bring about and nobody else. They are hashed once for each process, a
 * chunk in memory, and again once a row has another version; else what is read is the versions, without the bytes.
 */
export async function isAltered(tx: Sql, { id, digest }: { id: string; digest: string }): Promise<boolean> {
  const [row] = await tx.rows<{ versions: string | null }>(
    `SELECT encode(sha256(convert_to(string_agg(concat_ws(' ', c.ordinal, c.xmin, c.ctid, c.first_edit, c.edits), ',' ORDER BY c.ordinal), 'UTF8')), 'hex') AS versions
       FROM exequatur.plan_chunk c WHERE c.plan_id = $1::uuid`,
    [id],
  );
  const versions = `${digest} ${row?.versions}`;
  if (known.get(id) === versions) return false;
  const hash = createHash('sha256');
  for (let ordinal = 0; ; ordinal++) {
    const [chunk] = await tx.rows<{ bytes: Uint8Array }>(
      'SELECT c.bytes FROM exequatur.plan_chunk c WHERE c.plan_id = $1::uuid AND c.ordinal = $2::int',
      [id, ordinal],
    );
    if (chunk === undefined) break;
    hash.update(chunk.bytes);
  }
  if (digest !== `sha256:${hash.digest('hex')}`) return true;
  known.set(id, versions);
  return false;
}
