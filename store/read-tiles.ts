import { tileWidth } from '../audit/merkle.ts';
import type { TilePart } from '../audit/tile-path.ts';
import { entryFrame, readCheckpoint, tilesOf } from './read-log.ts';
import type { Sql } from './sql.ts';

/** The hashes of a tile, or of its beginning, one behind the other; null where it goes beyond what was signed. */
export async function readTile(tx: Sql, level: number, { tile, width }: TilePart): Promise<Buffer | null> {
  if (!(await isSigned(tx, level, { tile, width }))) return null;
  return Buffer.concat(await tilesOf(tx).hashes(level, tile, width));
}

/** Bytes of an entry that its length, two bytes, can tell. */
const mostBytes = 65_535;

/**
 * The entries under a tile of level 0, or under its beginning, each behind its length in two bytes, big-endian. Null where they go beyond what was signed, or where one is
 * longer than that says, which an earlier version could write.
 */
export async function readEntryBundle(tx: Sql, { tile, width }: TilePart): Promise<Buffer | null> {
  if (!(await isSigned(tx, 0, { tile, width }))) return null;
  const first = tile * tileWidth;
  const rows = await tx.rows<{ frame: Buffer }>(
    `SELECT ${entryFrame} AS frame
       FROM exequatur.audit_entry e WHERE e.seq > $1::bigint AND e.seq <= $2::bigint ORDER BY e.seq`,
    [first, first + width],
  );
  if (rows.length < width) throw new Error('the log has fewer entries than were sealed');
  if (rows.some(({ frame }) => frame.length > mostBytes)) return null;
  return Buffer.concat(rows.flatMap(({ frame }) => [lengthOf(frame), frame]));
}

function lengthOf(frame: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(frame.length);
  return length;
}

async function isSigned(tx: Sql, level: number, { tile, width }: TilePart): Promise<boolean> {
  const last = await readCheckpoint(tx, []);
  return last !== null && Math.floor(last.size / tileWidth ** level) >= tile * tileWidth + width;
}
