const mostFalls = 3; // One may be another's fault: whatever was asked at that moment, and one more on a connection that nobody knew to be closed.
const firstMs = 30_000; // Longer than OPA takes to be started anew and given the policies of others.
const longestMs = 600_000;

/**
 * Keeps policies from being asked about for a while where OPA ended over them time after time, as it does where they fill its memory: each time it takes the decisions of
 * everybody with it. Once they are asked again, one more fall makes the pause twice as long, and an answer ends it.
 */
export class Pause {
  private falls = 0;
  private until = 0;

  get isOn(): boolean {
    return performance.now() < this.until;
  }

  answered(): void {
    this.falls = 0;
  }

  fell(): void {
    this.falls++;
    if (this.falls >= mostFalls) this.until = performance.now() + Math.min(longestMs, firstMs * 2 ** (this.falls - mostFalls));
  }
}
