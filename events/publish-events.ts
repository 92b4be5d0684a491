import { randomUUID } from 'node:crypto';
import { claimKafkaLanes } from '../store/event-lanes.ts';
import { type PublishingDeps, publishLane } from './publish-lane.ts';

const lanesAtOnce = 8; // Each waits for the broker most of the time.

/** Publishes lanes that have something, so many at once; one that is slow, or fails, keeps a place and nobody else waiting. */
export class EventPublisher {
  private readonly running = new Set<Promise<void>>();
  private readonly deps: PublishingDeps;
  private failure: { cause: unknown } | undefined;

  constructor(deps: PublishingDeps) {
    this.deps = deps;
  }

  /** Gives the free places away, or waits until there is one. @returns whether there may be more to do at once. @throws what a lane has failed with since, where none went well. */
  async round(): Promise<boolean> {
    const { pool, leaseMs } = this.deps;
    const failure = this.failure;
    this.failure = undefined;
    if (failure !== undefined) throw failure.cause;
    const free = lanesAtOnce - this.running.size;
    if (free === 0) {
      await Promise.race(this.running);
      return true;
    }
    const lanes = await claimKafkaLanes(pool, { claimant: randomUUID(), limit: free, leaseMs });
    for (const lane of lanes) this.start(publishLane(this.deps, lane));
    return lanes.length > 0;
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    await Promise.all(this.running);
  }

  private start(work: Promise<void>): void {
    const done = work
      .then(
        () => {
          this.failure = undefined;
        },
        (cause: unknown) => {
          this.failure = { cause };
        },
      )
      .finally(() => this.running.delete(done));
    this.running.add(done);
  }
}
