import { consistencyProof, inclusionProof } from '../audit/merkle.ts';
import { readCheckpoint, tilesOf, type Witnesses } from './read-log.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

/** One of two: that an entry is among the first `size`, or that the tree over `oldSize` is the beginning of that over `size`. Without a size it is that of the last checkpoint. */
interface AskedProof {
  entry?: number;
  oldSize?: number;
  size?: number;
}

interface LogProof {
  size: number;
  /** The note over just so many; null where none was signed, or it has been forgotten. */
  checkpoint: string | null;
  /** Hashes in hex. */
  proof: string[];
}

/** Of any size that a checkpoint covers, since somebody may hold one that has been forgotten here. */
export async function readProof(tx: Sql, witnesses: Witnesses, { entry, oldSize = 0, ...asked }: AskedProof): Promise<LogProof | Refusal> {
  const last = await readCheckpoint(tx, witnesses);
  const size = asked.size ?? last?.size ?? 0;
  if (last === null || size > last.size || (entry ?? oldSize) > size) return refuse('not_sealed');
  const signed = size === last.size ? last : await readCheckpoint(tx, witnesses, size);
  const tiles = tilesOf(tx);
  const hashes = entry === undefined ? await consistencyProof(tiles, oldSize, size) : await inclusionProof(tiles, entry - 1, size);
  return { size, checkpoint: signed?.size === size ? signed.note : null, proof: hashes.map((hash) => hash.toString('hex')) };
}
