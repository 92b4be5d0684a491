import { randomUUID } from 'node:crypto';
import { claimKafkaLanes } from '../store/event-lanes.ts';
import { type PublishingDeps, publishLane } from './publish-lane.ts';

const lanesAtOnce = 8; // Each waits for the broker most of the time.

/** Claims lanes that have something to publish and publishes them. @returns whether there is more to do at once */
export async function publishEvents(deps: PublishingDeps): Promise<boolean> {
  const lanes = await claimKafkaLanes(deps.pool, { claimant: randomUUID(), limit: lanesAtOnce, leaseMs: deps.leaseMs });
  const outcomes = await Promise.allSettled(lanes.map((lane) => publishLane(deps, lane)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason; // After all of them had their turn.
  return lanes.length > 0;
}
