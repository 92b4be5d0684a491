import type { Frontier } from './frontier.ts';

const keptMs = 60_000; // As often each log is read and hashed again from its last full tile, so that what was altered is noticed.
const mostKept = 20_000; // Some ten megabytes: of a log of a million entries up to twenty hashes.

/**
 * How far logs were hashed, each for a while from when it was last read: a log that grows is not hashed anew from its last full tile with every checkpoint. Whoever goes on with
 * one MUST compare its root with what was signed.
 */
export class FrontierMemory {
  private readonly logs = new Map<string, { frontier: Frontier; until: number }>();

  /** At this size alone. */
  at(log: string, size: number): Frontier | undefined {
    const known = this.logs.get(log);
    return known !== undefined && known.frontier.size === size && performance.now() < known.until ? known.frontier : undefined;
  }

  /** Hashed from what was read just now. */
  keep(log: string, frontier: Frontier): void {
    if (this.logs.size >= mostKept) this.logs.clear();
    this.logs.set(log, { frontier, until: performance.now() + keptMs });
  }

  /** Gone on with, which makes it no younger. */
  goOn(log: string, frontier: Frontier): void {
    const known = this.logs.get(log);
    if (known !== undefined) known.frontier = frontier;
  }

  forget(log: string): void {
    this.logs.delete(log);
  }
}
