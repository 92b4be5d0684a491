import type pg from 'pg';
import type { Position } from '../ontology/cloud-event.ts';
import { type Lane, moveLane } from '../store/event-lanes.ts';

/** Nothing more is sent under the claim: the process ends, or somebody else has the lane, and began where this claimant stood. */
export class ClaimGone extends Error {}

const renewalsPerLease = 3; // Two may fail.
const mostLeases = 20; // Of one step; a sink that has not answered by then never will, and another relay's may.

/**
 * A lane for as long as it is claimed. How far it has got is stored with each step, so that whoever has it next repeats one step at most; and the claim is renewed while a step
 * takes its time, so that it runs out when its process has died, or cannot reach the database, and not because a sink is slow.
 */
export class LaneClaim {
  private readonly pool: pg.Pool;
  private readonly lane: Lane;
  private readonly leaseMs: number;
  private readonly signal: AbortSignal | undefined;
  private readonly timer: NodeJS.Timeout;
  private stands: Position;
  private renewals = 0;
  private storing: Promise<unknown> = Promise.resolve();

  constructor(lane: Lane, { pool, leaseMs, signal }: { pool: pg.Pool; leaseMs: number; signal?: AbortSignal }) {
    this.pool = pool;
    this.lane = lane;
    this.leaseMs = leaseMs;
    this.signal = signal;
    this.stands = { seq: lane.seq, ordinal: lane.ordinal };
    this.timer = setInterval(() => this.renewInTime(), leaseMs / renewalsPerLease);
  }

  /** Up to where all is done with. */
  get at(): Position {
    return this.stands;
  }

  /** Something is sent, and may take a while. */
  beginStep(): void {
    this.renewals = 0;
  }

  /** Stores that all before this is done with. @throws ClaimGone */
  async moveTo(at: Position): Promise<void> {
    this.stands = at;
    const ends = this.signal?.aborted === true;
    if (!(await this.store(ends ? null : this.leaseMs)) || ends) throw new ClaimGone();
  }

  /** Nothing is wanted of what is before this: stored with whatever is stored next. */
  passOver(at: Position): void {
    this.stands = at;
  }

  /** @throws ClaimGone */
  renew(): Promise<void> {
    return this.moveTo(this.stands);
  }

  async giveUp(): Promise<void> {
    await this.store(null);
  }

  /** Renews no more; whoever has not given the claim up lets it run out. */
  close(): void {
    clearInterval(this.timer);
  }

  private renewInTime(): void {
    if (this.renewals++ >= mostLeases * renewalsPerLease) return;
    this.store(this.leaseMs).catch(() => {}); // The database is away: the next move tells.
  }

  /** One after the other: what is stored last is where it stands. */
  private store(leaseMs: number | null): Promise<boolean> {
    const stored = this.storing.then(() => moveLane(this.pool, this.lane, this.stands, leaseMs));
    this.storing = stored.catch(() => {});
    return stored;
  }
}
