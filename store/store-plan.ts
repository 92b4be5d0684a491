import { randomUUID } from 'node:crypto';
import type { WrittenPlan } from '../ontology/canonical-plan.ts';
import type { PlanSummary, ReadSet, ResolvedRequirement } from '../ontology/plan.ts';
import type { ProposalRow } from './proposal-row.ts';
import type { Tx } from './sql.ts';

export interface NewPlan {
  written: WrittenPlan;
  edits: number;
  requirement: ResolvedRequirement;
  summary: PlanSummary;
  readSet: ReadSet;
}

/**
 * Stores a plan's bytes and its read set. Plans are immutable: one with the same digest is never stored twice for a revision, and the door hashes what was stored.
 * MUST run under the proposal's row lock.
 */
export async function storePlan(tx: Tx, proposal: ProposalRow, plan: NewPlan): Promise<{ id: string; digest: string }> {
  const id = randomUUID();
  const { chunks, chunkEdits } = plan.written;
  tx.send(
    `WITH tenant AS (SELECT current_setting('app.tenant')::uuid AS id, exequatur.clock() AS now), stored AS (
       INSERT INTO exequatur.plan (tenant_id, id, proposal_id, revision, digest, bytes, edits, summary, requirement, created_at)
       SELECT t.id, $1::uuid, $2::uuid, $3::int, $4, $5::bigint, $6::int, $7::jsonb, $8::jsonb, t.now FROM tenant t
     ), chunk AS (
       INSERT INTO exequatur.plan_chunk (tenant_id, plan_id, ordinal, bytes, first_edit, edits)
       SELECT t.id, $1::uuid, 0, $9::bytea, 0, $10::int FROM tenant t
     ), ${insertReadSet('$1', 0, '$11', '$12')}
     SELECT 1`,
    [
      id,
      proposal.id,
      proposal.revision,
      plan.written.digest,
      plan.written.bytes,
      plan.edits,
      JSON.stringify(plan.summary),
      JSON.stringify(plan.requirement),
      asBuffer(chunks[0]),
      chunkEdits[0]?.count ?? 0,
      ...readSetValues(plan.readSet),
    ],
  );
  for (const [at, chunk] of chunks.entries()) {
    if (at === 0) continue;
    await tx.rows(
      `INSERT INTO exequatur.plan_chunk (tenant_id, plan_id, ordinal, bytes, first_edit, edits)
       VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::int, $3::bytea, $4::int, $5::int)`,
      [id, at, asBuffer(chunk), chunkEdits[at]?.first ?? 0, chunkEdits[at]?.count ?? 0],
    );
  }
  return { id, digest: plan.written.digest };
}

/**
 * Adds the read set of a simulation that came to a plan already stored. The newest counts, for the door and for staleness alike.
 * Simulations of one proposal are stored one after another, under its row lock, so the next number is free.
 */
export function storeReadSet(tx: Tx, planId: string, readSet: ReadSet): void {
  tx.send(
    `WITH tenant AS (SELECT current_setting('app.tenant')::uuid AS id, exequatur.clock() AS now), ${insertReadSet('$1', null, '$2', '$3')} SELECT 1`,
    [planId, ...readSetValues(readSet)],
  );
}

function insertReadSet(planId: string, simulation: number | null, head: string, reads: string): string {
  const number =
    simulation ?? `(SELECT max(r.simulation) + 1 FROM exequatur.read_set r WHERE r.tenant_id = t.id AND r.plan_id = ${planId}::uuid)`;
  return `read_head AS (
       INSERT INTO exequatur.read_set (tenant_id, plan_id, simulation, counters, queries, created_at)
       SELECT t.id, ${planId}::uuid, ${number}, ${head}::jsonb -> 'counters', ${head}::jsonb -> 'queries', t.now FROM tenant t
       RETURNING tenant_id, plan_id, simulation
     ), read_rows AS (
       INSERT INTO exequatur.read_set_reads (tenant_id, plan_id, simulation, type, ids, properties, versions)
       SELECT h.tenant_id, h.plan_id, h.simulation, r ->> 'type', ARRAY(SELECT jsonb_array_elements_text(r -> 'ids')),
              ARRAY(SELECT jsonb_array_elements_text(r -> 'properties')), ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(r -> 'versions') v)
         FROM read_head h, jsonb_array_elements(${reads}::jsonb) r
     )`;
}

function readSetValues(readSet: ReadSet): [string, string] {
  return [JSON.stringify({ counters: readSet.counters, queries: readSet.queries }), JSON.stringify(readSet.reads)];
}

/** node-postgres sends Buffers as they are, and other views of bytes as JSON. */
function asBuffer(bytes: Uint8Array | undefined): Buffer {
  return bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
