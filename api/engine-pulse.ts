import type { Seen } from '../store/status-watch.ts';
import type { ProposalStart } from '../workflows/proposal.contract.ts';

const ordinarySuspiciousMs = 2_000; // After so long the relay sends a nudge itself; no step of an engine that gets on leaves everybody waiting so long but the largest, of which a worker has taken.
const listeningMs = 5_000; // As long as anybody would wait for an answer; whoever comes afterwards is listened to next.

type Following = { start: ProposalStart; since: number; end: AbortController };

/**
 * Whether the engine gets on, told by what becomes of what this process gave it. Where nothing of it moves, and nobody has taken what has waited longest, the engine is not busy
 * but away: no worker runs. Then holding calls back helps nobody; what they began is on record, and is made up for. One sign of life ends it.
 */
export class EnginePulse {
  private readonly isTaken: (start: ProposalStart) => Promise<boolean>;
  private readonly suspiciousMs: number;
  private readonly following = new Set<Following>();
  private movedAt = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private asking = false;
  private listening = false;
  private still = false;

  /** `isTaken` says whether a worker has taken what is to be done for a proposal, or there is nothing to be done. */
  constructor(isTaken: (start: ProposalStart) => Promise<boolean>, suspiciousMs = ordinarySuspiciousMs) {
    this.isTaken = isTaken;
    this.suspiciousMs = suspiciousMs;
  }

  get isStill(): boolean {
    return this.still;
  }

  /** A wait for the engine, which is told to end when the engine proves to be away. */
  async follow(start: ProposalStart, wait: (away: AbortSignal) => Promise<Seen | null>): Promise<Seen | null> {
    const one = { start, since: performance.now(), end: new AbortController() };
    this.following.add(one);
    this.arm();
    try {
      return await wait(one.end.signal);
    } finally {
      this.following.delete(one);
      this.arm();
    }
  }

  /** Waits, while the engine is away, for its first sign of life: one proposal at a time, for whoever has been answered already. */
  listen(wait: (limitMs: number) => Promise<Seen | null>): void {
    if (!this.still || this.listening) return;
    this.listening = true;
    void wait(listeningMs)
      .then(
        (seen) => seen !== null && this.alive(),
        () => undefined, // The database is away; whoever comes next listens anew.
      )
      .finally(() => {
        this.listening = false;
      });
  }

  /** Somebody who was told at this instant (performance.now()) has had no answer: from an engine that is away, or from one that is merely slow, whose worker has taken the task. */
  async unheard(start: ProposalStart, since: number): Promise<void> {
    if (await this.isAwaySince(start, since)) this.stop();
  }

  /** A worker was heard of, or something was seen that only a worker does. */
  alive(): void {
    this.movedAt = performance.now();
    this.still = false;
  }

  private stop(): void {
    this.still = true;
    for (const { end } of this.following) end.abort();
  }

  private arm(): void {
    clearTimeout(this.timer);
    const [oldest] = this.following;
    if (oldest === undefined || this.asking) return;
    const suspiciousAt = Math.max(this.movedAt, oldest.since) + this.suspiciousMs;
    this.timer = setTimeout(() => void this.ask(oldest), Math.max(0, suspiciousAt - performance.now()));
    this.timer.unref();
  }

  private async ask(oldest: Following): Promise<void> {
    const askedAt = performance.now();
    if (askedAt - this.movedAt < this.suspiciousMs || !this.following.has(oldest)) return this.arm();
    this.asking = true;
    if (await this.isAwaySince(oldest.start, askedAt)) this.stop();
    else oldest.since = performance.now(); // To be asked again.
    this.asking = false;
    this.arm();
  }

  private async isAwaySince(start: ProposalStart, since: number): Promise<boolean> {
    if (this.movedAt >= since || (await this.isTaken(start))) return false;
    return this.movedAt < since; // Somebody may have been heard of while the engine was asked.
  }
}
