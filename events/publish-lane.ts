import type pg from 'pg';
import { behind, byReference, type CloudEvent, isOfKey, isUnreadable, type Position, placeOf } from '../ontology/cloud-event.ts';
import { type Hold, holdKey, type Lane, laneEvents, laneHolds, releaseKey } from '../store/event-lanes.ts';
import { type EventSink, EventsRefused } from './event-sink.ts';
import { ClaimGone, LaneClaim } from './lane-claim.ts';

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

/** A claimed lane, as far as it is being published. */
interface Publishing extends PublishingDeps {
  lane: Lane;
  claim: LaneClaim;
}

/**
 * Publishes a claimed lane as far as it goes, in order, and gives the claim up. An event is passed over only once the sink has it, or once its key is held, and then at once: a
 * crash anywhere in between publishes again what was sent last, with the ids it had. Where it fails the claim is kept until it runs out: the lane rests, and others have their
 * turn.
 */
export async function publishLane(deps: PublishingDeps, lane: Lane): Promise<void> {
  const claim = new LaneClaim(lane, deps);
  const publishing: Publishing = { ...deps, lane, claim };
  try {
    const held = await settleHolds(publishing);
    for (let pages = 0; pages < mostPages && deps.signal?.aborted !== true; pages++) {
      const { events, next } = await laneEvents(deps.pool, lane, claim.at, page);
      if (next.seq === claim.at.seq && next.ordinal === claim.at.ordinal) break;
      await publishInOrder(publishing, held, events, (last) => claim.moveTo(behind(placeOf(last))));
      claim.passOver(next);
    }
    await claim.giveUp();
  } catch (error) {
    if (!(error instanceof ClaimGone)) throw error;
  } finally {
    claim.close();
  }
}

/** Called when all events up to this one are with the sink, or their keys are held. */
type Passed = (last: CloudEvent) => Promise<void>;

/** Where one is refused its key is held from there on, and the rest goes on. */
async function publishInOrder(publishing: Publishing, held: Set<string>, events: readonly CloudEvent[], passed: Passed): Promise<void> {
  for (const batch of batches(events)) await publishBatch(publishing, held, batch, passed);
}

async function publishBatch(publishing: Publishing, held: Set<string>, batch: readonly CloudEvent[], passed: Passed): Promise<void> {
  const last = batch.at(-1) as CloudEvent;
  const events = batch.filter(({ partitionkey }) => !held.has(partitionkey));
  const [event] = events;
  if (event === undefined) return passed(last);
  const refusal = await refusalOf(publishing, events);
  if (refusal === null) return passed(last);
  if (events.length > 1) {
    // Halved until the one that is refused stands alone.
    const middle = batch.indexOf(events[Math.ceil(events.length / 2)] as CloudEvent);
    await publishBatch(publishing, held, batch.slice(0, middle), passed);
    return publishBatch(publishing, held, batch.slice(middle), passed);
  }
  if (event.data === undefined || (await refusalOf(publishing, [byReference(event)])) !== null) {
    await hold(publishing, event, refusal);
    held.add(event.partitionkey);
  }
  return passed(last);
}

const unreadable = 'its row in the outbox, or what it tells of, cannot be read';

/** @returns why they are refused, or null where they were taken. */
async function refusalOf({ sink, claim, onPublished }: Publishing, events: readonly CloudEvent[]): Promise<string | null> {
  if (events.some(isUnreadable)) return unreadable;
  try {
    claim.beginStep();
    await sink.publish(events);
  } catch (error) {
    if (error instanceof EventsRefused) return error.message;
    throw error;
  }
  onPublished?.(events);
  return null;
}

async function hold({ pool, lane, onHeld }: Publishing, event: CloudEvent, reason: string): Promise<void> {
  if (!(await holdKey(pool, lane, event, placeOf(event), reason))) throw new ClaimGone();
  onHeld?.(event, reason);
}

/** Does what was decided about held keys, where the lane has passed what holds them. @returns the keys that are held still */
async function settleHolds(publishing: Publishing): Promise<Set<string>> {
  const { pool, lane } = publishing;
  const holds = await laneHolds(pool, lane);
  const held = new Set(holds.map(({ key }) => key));
  for (const one of holds) {
    if (one.resolution !== null && isBefore(one, lane) && (await catchUp(publishing, one))) held.delete(one.key);
  }
  return held;
}

/** Publishes what a held key has missed, up to where its lane is. False where it is held again, further on or at the same event. */
async function catchUp(publishing: Publishing, { key, resolution, ...from }: Hold): Promise<boolean> {
  const { pool, lane, claim } = publishing;
  let at: Position = { seq: from.seq - 1, ordinal: from.ordinal - 1 };
  const held = new Set<string>();
  for (;;) {
    const { events, next } = await laneEvents(pool, lane, at, page);
    const missed = events.filter((event) => isOfKey(event, key) && isBefore(placeOf(event), lane));
    const isReferred = (event: CloudEvent) => resolution === 'reference' && isAt(event, from) && !isUnreadable(event);
    const decided = missed.map((event) => (isReferred(event) ? byReference(event) : event));
    const sent = resolution === 'skip' ? decided.filter((event) => event.partitionkey === key && !isAt(event, from)) : decided;
    await publishInOrder(publishing, held, sent, () => claim.renew());
    if (held.has(key)) return false;
    if ((next.seq === at.seq && next.ordinal === at.ordinal) || !isBefore({ seq: next.seq + 1, ordinal: next.ordinal }, lane)) break;
    at = next;
    await claim.renew();
  }
  await releaseKey(pool, lane, key);
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
