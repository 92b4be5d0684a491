import { readTilePath } from '../audit/tile-path.ts';
import { readCheckpoint, readWitnessedCheckpoint, type Witnesses } from '../store/read-log.ts';
import { readEntryBundle, readTile } from '../store/read-tiles.ts';
import { isRefusal, type Refusal, refuse } from '../store/refusal.ts';
import type { Sql } from '../store/sql.ts';
import type { Answer } from './route.ts';

/** A log as C2SP's tlog-tiles has it: what its tools need, read by whoever may read the log. */
type Read = <T extends object>(work: (tx: Sql) => Promise<T | Refusal>) => Promise<T | Refusal>;

/** A part of a tile never changes once it is there. For the caller alone: others may not read it. */
const forEver = { 'cache-control': 'private, max-age=31536000, immutable', vary: 'authorization' };

/** A tile of hashes, or with `entries` for a level the entries under one; `not_found` where it is not all under a checkpoint. */
export async function answerTile(read: Read, { level, tile }: { level: string; tile: string }): Promise<Answer | Refusal> {
  const part = readTilePath(tile);
  if (part === null) return refuse('not_found');
  const found = await read(async (tx) => {
    const bytes = level === 'entries' ? await readEntryBundle(tx, part) : await readTile(tx, Number(level), part);
    return bytes === null ? refuse('not_found') : { bytes };
  });
  return isRefusal(found) ? found : { status: 200, body: found.bytes, mediaType: 'application/octet-stream', headers: forEver };
}

/** The newest checkpoint that witnesses cosigned, or where none did the newest, as text. */
export async function answerCheckpoint(read: Read, witnesses: Witnesses): Promise<Answer | Refusal> {
  const found = await read(
    async (tx) => (await readWitnessedCheckpoint(tx, witnesses)) ?? (await readCheckpoint(tx, witnesses)) ?? refuse('not_sealed'),
  );
  return isRefusal(found) ? found : { status: 200, body: found.note, mediaType: 'text/plain' };
}
