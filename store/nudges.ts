import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../ontology/json.ts';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { Tx } from './sql.ts';

/** Leaves a nudge for the workflow of a proposal, in the transaction that gives the workflow something to look at. Returns its id. */
export function leaveNudge(tx: Tx, proposalId: string): string {
  const id = randomUUID();
  tx.send(
    `INSERT INTO exequatur.nudge (tenant_id, id, proposal_id, created_at, attempts)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, exequatur.clock(), 0)`,
    [id, proposalId],
  );
  return id;
}

/** What happened to a proposal beside a change of its status, for the outbox. */
export interface ProposalEvent {
  type: string;
  proposalId: string;
  data: JsonObject;
  /** The entry that was queued for the same happening. */
  auditEntryId: string;
}

/** Writes an event of a proposal and leaves the nudge that goes with it, in one round trip. Returns the nudge's id. */
export function announceAndNudge(tx: Tx, event: ProposalEvent): string {
  const nudgeId = randomUUID();
  tx.send(
    `WITH tenant AS (SELECT current_setting('app.tenant')::uuid AS id, exequatur.clock() AS now), announced AS (
       INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
       SELECT t.id, $1::uuid, $2::uuid, $3, 'proposal/' || $4::text, $4::text::uuid, $5::jsonb, t.now FROM tenant t
     )
     INSERT INTO exequatur.nudge (tenant_id, id, proposal_id, created_at, attempts) SELECT t.id, $6::uuid, $4::text::uuid, t.now, 0 FROM tenant t`,
    [randomUUID(), event.auditEntryId, event.type, event.proposalId, JSON.stringify(event.data), nudgeId],
  );
  return nudgeId;
}

/**
 * Notes that whoever drives the proposal has looked. MUST be sent after the proposal's row is locked, by the worker: every nudge that is seen then was left by a
 * transaction whose outcome is seen as well. Where this is lost the relay nudges once more, which is harmless.
 */
export function takeNudges(tx: Tx, proposalId: string): void {
  tx.send('UPDATE exequatur.nudge SET delivered_at = exequatur.clock() WHERE proposal_id = $1::uuid AND delivered_at IS NULL', [
    proposalId,
  ]);
}

const heldFor = '1 minute'; // Several times as long as whoever holds a nudge takes to say so again; and so long it takes the relay to see that nobody does.

/** Keeps the relay from delivering what somebody is going to deliver in its turn, for a minute from now. */
export function holdNudges(tx: Tx, proposalIds: readonly string[]): void {
  tx.send(
    `UPDATE exequatur.nudge n SET held_until = exequatur.clock() + interval '${heldFor}' WHERE n.proposal_id = ANY ($1::uuid[]) AND n.delivered_at IS NULL`,
    [proposalIds],
  );
}

/** Leaves a nudge for whatever is held: something that held it is gone, something else may hold it still, and whoever looks finds that out. */
export function nudgeHeld(tx: Tx): Promise<void> {
  return nudgeAll(tx, 'scheduled');
}

/** Leaves a nudge for whatever is under way, which may wait long for a check: something was switched off, and whoever looks finds out whether that stops it. */
export function nudgeExecuting(tx: Tx): Promise<void> {
  return nudgeAll(tx, 'executing');
}

async function nudgeAll(tx: Tx, status: ProposalStatus): Promise<void> {
  await tx.rows(
    `INSERT INTO exequatur.nudge (tenant_id, id, proposal_id, created_at, attempts)
     SELECT p.tenant_id, gen_random_uuid(), p.id, exequatur.clock(), 0 FROM exequatur.proposal p WHERE p.status = $1`,
    [status],
  );
}
