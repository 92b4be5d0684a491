import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { JsonObject } from '../ontology/json.ts';
import type { Sql } from './sql.ts';

/** Leaves a nudge for the workflow of a proposal, in the transaction that gives the workflow something to look at. Returns its id. */
export async function leaveNudge(tx: Sql, proposalId: string): Promise<string> {
  const id = randomUUID();
  await tx.rows(
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
export async function announceAndNudge(tx: Sql, event: ProposalEvent): Promise<string> {
  const nudgeId = randomUUID();
  await tx.rows(
    `WITH tenant AS (SELECT current_setting('app.tenant')::uuid AS id, exequatur.clock() AS now), announced AS (
       INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
       SELECT t.id, $1::uuid, $2::uuid, $3, 'proposal/' || $4::text, $4::text::uuid, $5::jsonb, t.now FROM tenant t
     )
     INSERT INTO exequatur.nudge (tenant_id, id, proposal_id, created_at, attempts) SELECT t.id, $6::uuid, $4::text::uuid, t.now, 0 FROM tenant t`,
    [randomUUID(), event.auditEntryId, event.type, event.proposalId, JSON.stringify(event.data), nudgeId],
  );
  return nudgeId;
}

const uuid = /^[0-9a-f-]{36}$/i;

/**
 * Notes that Temporal has persisted these nudges. Called after the fact and outside the caller's request: if it is lost, the relay nudges once more, which is harmless.
 * One round trip: the statements go together, so tenant and ids are quoted into the text, all checked to be UUIDs.
 */
export async function markNudgesDelivered(pool: pg.Pool, tenant: string, nudgeIds: readonly string[]): Promise<void> {
  if (nudgeIds.length === 0) return;
  if (![tenant, ...nudgeIds].every((id) => uuid.test(id))) throw new Error('tenants and nudges are named by UUIDs');
  const ids = nudgeIds.map((id) => `'${id}'`).join(', ');
  const client = await pool.connect();
  try {
    await client.query(
      `BEGIN; SET LOCAL app.tenant = '${tenant}'; UPDATE exequatur.nudge SET delivered_at = exequatur.clock() WHERE id IN (${ids}) AND delivered_at IS NULL; COMMIT`,
    );
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
