import type pg from 'pg';
import { behind, byReference, type CloudEvent, type Position, placeOf } from '../ontology/cloud-event.ts';
import { type Hold, holdKey, type Lane, laneEvents, laneHolds, moveLane, releaseKey } from '../store/event-lanes.ts';
import { type EventSink, EventsRefused } from './event-sink.ts';

export interface PublishingDeps {
  /** Connections of the relay's login. */
  pool: pg.Pool;
  sink: EventSink;
  leaseMs: number;
  /** Called with what the sink has taken. */
  onPublished?: (events: readonly CloudEvent[]) => void;
  /** Called where an event is not taken, and its key waits behind it. */
  onHeld?: (event: CloudEvent, reason: string) => void;
  signal?: AbortSignal;
}

const page = { limit: 500, bytes: 4 * 1024 * 1024 }; // In memory for each lane that is published, of which there are eight.
const mostPages = 40; // Of one turn; then other lanes have theirs.
const batchBytes = 512 * 1024; // Half of what a broker takes in one batch unless told otherwise; a single larger event is sent by itself.

/** Somebody else has claimed the lane meanwhile: they began where this claimant began. */
class ClaimLost extends Error {}

/**
 * Publishes a claimed lane as far as it goes, in order, and gives the claim up. An event is passed over only once the sink has it, or once its key is held: a crash
 * anywhere in between publishes some events again, with the ids they had. Where it fails the claim is kept until it runs out: the lane rests, and others have their turn.
 */
export async function publishLane(deps: PublishingDeps, lane: Lane): Promise<void> {
  let at: Position = { seq: lane.seq, ordinal: lane.ordinal };
  try {
    const held = await settleHolds(deps, lane);
    for (let pages = 0; pages < mostPages && deps.signal?.aborted !== true; pages++) {
      const { events, next } = await laneEvents(deps.pool, lane, at, page);
      if (next.seq === at.seq && next.ordinal === at.ordinal) {
        await moveLane(deps.pool, lane, at, null);
        return;
      }
      for (const batch of batches(events)) {
        await publishBatch(deps, lane, held, batch);
        at = behind(placeOf(batch.at(-1) as CloudEvent));
        if (!(await moveLane(deps.pool, lane, at, deps.leaseMs))) throw new ClaimLost();
      }
      at = next;
    }
    await moveLane(deps.pool, lane, at, null);
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error;
  }
}

/** Where one is refused its key is held from there on, and the rest goes on. */
async function publishInOrder(deps: PublishingDeps, lane: Lane, held: Set<string>, events: readonly CloudEvent[]): Promise<void> {
  for (const batch of batches(events)) await publishBatch(deps, lane, held, batch);
}

async function publishBatch(deps: PublishingDeps, lane: Lane, held: Set<string>, batch: readonly CloudEvent[]): Promise<void> {
  const events = batch.filter(({ partitionkey }) => !held.has(partitionkey));
  const [event] = events;
  if (event === undefined) return;
  const refusal = await refusalOf(deps, events);
  if (refusal === null) return;
  if (events.length > 1) {
    // Halved until the one that is refused stands alone.
    const half = Math.ceil(events.length / 2);
    await publishBatch(deps, lane, held, events.slice(0, half));
    return publishBatch(deps, lane, held, events.slice(half));
  }
  if (event.data !== undefined && (await refusalOf(deps, [byReference(event)])) === null) return;
  await hold(deps, lane, event, refusal);
  held.add(event.partitionkey);
}

/** @returns why they are refused, or null where they were taken. */
async function refusalOf({ sink, onPublished }: PublishingDeps, events: readonly CloudEvent[]): Promise<string | null> {
  try {
    await sink.publish(events);
  } catch (error) {
    if (error instanceof EventsRefused) return error.message;
    throw error;
  }
  onPublished?.(events);
  return null;
}

async function hold(deps: PublishingDeps, lane: Lane, event: CloudEvent, reason: string): Promise<void> {
  if (!(await holdKey(deps.pool, lane, event, placeOf(event), reason))) throw new ClaimLost();
  deps.onHeld?.(event, reason);
}

/** Does what was decided about held keys, where the lane has passed what holds them. @returns the keys that are held still */
async function settleHolds(deps: PublishingDeps, lane: Lane): Promise<Set<string>> {
  const holds = await laneHolds(deps.pool, lane);
  const held = new Set(holds.map(({ key }) => key));
  for (const one of holds) {
    if (one.resolution !== null && isBefore(one, lane) && (await catchUp(deps, lane, one))) held.delete(one.key);
  }
  return held;
}

/** Publishes what a held key has missed, up to where its lane is. False where it is held again, further on or at the same event. */
async function catchUp(deps: PublishingDeps, lane: Lane, { key, resolution, ...from }: Hold): Promise<boolean> {
  let at: Position = { seq: from.seq - 1, ordinal: from.ordinal - 1 };
  const held = new Set<string>();
  for (;;) {
    const { events, next } = await laneEvents(deps.pool, lane, at, page);
    const missed = events.filter((event) => event.partitionkey === key && isBefore(placeOf(event), lane));
    const decided = missed.map((event) => (resolution === 'reference' && isAt(event, from) ? byReference(event) : event));
    await publishInOrder(deps, lane, held, resolution === 'skip' ? decided.filter((event) => !isAt(event, from)) : decided);
    if (held.has(key)) return false;
    if ((next.seq === at.seq && next.ordinal === at.ordinal) || !isBefore({ seq: next.seq + 1, ordinal: next.ordinal }, lane)) break;
    at = next;
    if (!(await moveLane(deps.pool, lane, lane, deps.leaseMs))) throw new ClaimLost();
  }
  await releaseKey(deps.pool, lane, key);
  return true;
}

function isAt(event: CloudEvent, place: Position): boolean {
  const { seq, ordinal } = placeOf(event);
  return seq === place.seq && ordinal === place.ordinal;
}

/** Whether the lane has passed the event at this place. */
function isBefore({ seq, ordinal }: Position, lane: Position): boolean {
  return seq <= lane.seq || (seq === lane.seq + 1 && ordinal <= lane.ordinal);
}

function* batches(events: readonly CloudEvent[]): Generator<CloudEvent[]> {
  let batch: CloudEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = JSON.stringify(event).length;
    if (batch.length > 0 && bytes + size > batchBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(event);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
