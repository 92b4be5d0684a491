import type { TileRoots } from './merkle.ts';
import { tileWidth } from './merkle.ts';

const keptMs = 60_000; // As often each full tile is read and hashed again, so that one that was altered is noticed.
const mostKept = 50_000; // Some ten megabytes; a log of a million entries has four thousand tiles.

/**
 * Roots of full tiles of many logs, each for a while: a log that grows is not hashed anew from all its tiles with every checkpoint. It may remember what the database no longer
 * holds, after a backup was restored: whoever goes by it MUST compare the outcome with what was signed, and where they differ forget and look again.
 */
export class TileMemory {
  private readonly logs = new Map<string, Map<string, { root: Buffer; until: number }>>();
  private kept = 0;

  /** Of one log, those under a checkpoint of `size` entries alone. */
  of(log: string, size: number): TileRoots {
    const isUnder = (level: number, tile: number) => (tile + 1) * tileWidth ** (level + 1) <= size;
    return {
      get: (level, tile) => {
        const known = isUnder(level, tile) ? this.logs.get(log)?.get(`${level}/${tile}`) : undefined;
        return known !== undefined && performance.now() < known.until ? known.root : undefined;
      },
      set: (level, tile, root) => {
        if (isUnder(level, tile)) this.keep(log, `${level}/${tile}`, root);
      },
    };
  }

  /** Whether there was anything to forget of this log. */
  forget(log: string): boolean {
    const roots = this.logs.get(log);
    this.kept -= roots?.size ?? 0;
    this.logs.delete(log);
    return roots !== undefined;
  }

  private keep(log: string, key: string, root: Buffer): void {
    if (this.kept >= mostKept) {
      this.logs.clear();
      this.kept = 0;
    }
    const roots = this.logs.get(log) ?? new Map<string, { root: Buffer; until: number }>();
    this.logs.set(log, roots);
    if (!roots.has(key)) this.kept++;
    roots.set(key, { root, until: performance.now() + keptMs });
  }
}
