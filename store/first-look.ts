const leastMs = 8; // A small simulation, or an execution, is committed some 10 ms after it was asked for, where nothing else is going on.
const mostMs = 40; // However long the last ones took, this one may be done at once, and nobody is to notice.
const remembered = 8; // A few seconds of somebody's work. One that was quick among them has the next looked at as early.
const marginMs = 2; // What a look and a timer add to what was waited for.
const stepMs = 4; // From the latest first look to the earliest in six waits, and not much too early after one that was a little quicker.

/**
 * When a wait looks for the first time: shortly before the quickest of the last few was over. Earlier looks find nothing, and on two processors they are taken from those who do what
 * is waited for.
 */
export class FirstLook {
  private readonly tookMs: number[] = [];

  /** What was already there at the first look may have been there long before: the next wait looks sooner. */
  note(tookMs: number, atFirstLook: boolean): void {
    this.tookMs.push(atFirstLook ? tookMs - stepMs : tookMs);
    if (this.tookMs.length > remembered) this.tookMs.shift();
  }

  afterMs(): number {
    if (this.tookMs.length < remembered) return leastMs;
    return Math.min(mostMs, Math.max(leastMs, Math.min(...this.tookMs) - marginMs));
  }
}
