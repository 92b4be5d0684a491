import type { Caller } from '../ontology/authority.ts';
import { announceChange } from './announce-change.ts';
import { refusalToAdminister } from './may-administer.ts';
import { isoTime } from './proposal-row.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql, Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export const holdResolutions = ['retry', 'reference', 'skip'] as const;
export type HoldResolution = (typeof holdResolutions)[number];

/** An event that is not taken where it is published, behind which the others of its key wait. */
export interface HeldEvent {
  id: string;
  type: string;
  key: string;
  sink: string;
  /** Why it is not taken, in the words of the broker's protocol. */
  reason: string;
  heldAt: string;
  /** What was decided and is still to be done. */
  resolution: HoldResolution | null;
}

const most = 1_000;

const heldJson = `jsonb_build_object('id', w.event_id, 'type', w.type, 'key', w.key, 'sink', w.sink, 'reason', w.reason, 'heldAt', ${isoTime('w.held_at')},
  'resolution', w.resolution)`;

/** Oldest first, at most a thousand. */
export async function listHeldEvents(tx: Sql): Promise<HeldEvent[]> {
  const rows = await tx.rows<{ held: HeldEvent }>(
    `SELECT ${heldJson} AS held FROM exequatur.event_hold w ORDER BY w.held_at, w.event_id LIMIT ${most}`,
  );
  return rows.map(({ held }) => held);
}

/**
 * Says what becomes of a held event: it is tried again, published without its data, or left out; what waits behind it follows. The relay does it within moments; a
 * decision that is made again meanwhile replaces the one before.
 */
export async function resolveHeldEvent(
  tx: Tx,
  { eventId, choice, reason, by }: { eventId: string; choice: HoldResolution; reason: string; by: Caller },
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<HeldEvent | Refusal> {
  const actor = await resolveActor(tx, by);
  const refusal = await refusalToAdminister(tx, deps, { action: 'switch:put', actor, off: false }, null);
  if (refusal !== null) return refusal;
  const [row] = await tx.rows<{ held: HeldEvent }>(
    `UPDATE exequatur.event_hold w SET resolution = $2, resolved_at = exequatur.clock() WHERE w.event_id = $1 RETURNING ${heldJson} AS held`,
    [eventId, choice],
  );
  if (row === undefined) return refuse('not_found');
  announceChange(tx, {
    type: 'event.hold_resolved',
    subject: `event/${eventId}`,
    facts: { event: eventId, eventType: row.held.type, sink: row.held.sink, choice },
    personal: { actor: actor.id, reason },
  });
  return row.held;
}
