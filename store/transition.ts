import { randomUUID } from 'node:crypto';
import { eventOfStatus } from '../ontology/events.ts';
import type { JsonObject } from '../ontology/json.ts';
import { isDoorEdge, mayBecome, type ProposalStatus } from '../ontology/lifecycle.ts';
import { isoTime, type ProposalRow, type StoredFailure } from './proposal-row.ts';
import type { Tx } from './sql.ts';

export interface Move {
  to: ProposalStatus;
  /** Who moved it; absent when time or the engine did. */
  actor?: string;
  reason?: string;
  failure?: StoredFailure;
  /** What else the event and the audit entry tell. */
  facts?: JsonObject;
  /** What the audit entry tells beside that, and the event does not. */
  entry?: JsonObject;
  /** The plan that now is the proposal's. */
  plan?: { id: string; digest: string };
}

/** SQL that announces a move; its values are those of `announcement`. */
const announce = (
  from: string,
) => `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
       SELECT (SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, 'proposal/' || $4::text, $4::text::uuid, $5::jsonb, exequatur.clock() FROM ${from}`;

/** SQL of a move. The plan's columns are named only where they change: the API's login may not write them. */
const moveTo = (plan: string) => `WITH moved AS (
    UPDATE exequatur.proposal p
       SET status = $6, failure = $7::jsonb, updated_at = c.now,${plan}
           status_timestamps = p.status_timestamps || jsonb_build_object($6::text, ${isoTime('c.now')})
      FROM (SELECT exequatur.clock() AS now) c
     WHERE p.id = $4::text::uuid
 RETURNING 1
  ) ${announce('moved')}`;
const moveAlone = moveTo('');
const moveWithPlan = moveTo(' plan_id = $8::uuid, plan_digest = $9,');

/**
 * Moves a locked proposal along one edge of the lifecycle: its row, its event and its audit entry, all in this transaction. Throws on an edge that does not exist
 * or belongs to a door; the database would refuse both. The times of what it returns are those before the move.
 */
export function transition<P extends ProposalRow>(tx: Tx, proposal: P, move: Move): P {
  if (!mayBecome(proposal.status, move.to) || isDoorEdge(proposal.status, move.to)) {
    throw new Error(`a proposal cannot go from ${proposal.status} to ${move.to} here`);
  }
  tx.send(move.plan === undefined ? moveAlone : moveWithPlan, [
    ...announcement(tx, proposal, move),
    move.to,
    move.failure === undefined ? null : JSON.stringify(move.failure),
    ...(move.plan === undefined ? [] : [move.plan.id, move.plan.digest]),
  ]);
  return moved(proposal, move);
}

/** Begins an execution through the door, which takes this edge alone, and announces it. */
export function beginExecution<P extends ProposalRow>(tx: Tx, proposal: P, executionId: string): P {
  return through(tx, proposal, { to: 'executing' }, (next) => `exequatur.begin_execution($4::text::uuid, $${next}::uuid)`, [executionId]);
}

/** Moves a proposal by a function of the door and announces it. `call` is the SQL of the call, whose own values begin at the number it is given; `$4` is the proposal's id as text. */
export function through<P extends ProposalRow>(
  tx: Tx,
  proposal: P,
  move: Move,
  call: (firstValue: number) => string,
  values: readonly unknown[],
): P {
  tx.send(`WITH gone AS MATERIALIZED (SELECT ${call(6)}) ${announce('gone')}`, [...announcement(tx, proposal, move), ...values]);
  return moved(proposal, move);
}

/** Leaves an execution of which nothing was applied, through the door, and announces it. */
export function leaveExecuting<P extends ProposalRow>(tx: Tx, proposal: P, move: Move): P {
  return through(tx, proposal, move, (next) => `exequatur.leave_executing($4::text::uuid, $${next}, $${next + 1}::jsonb)`, [
    move.to,
    move.failure === undefined ? null : JSON.stringify(move.failure),
  ]);
}

function moved<P extends ProposalRow>(proposal: P, move: Move): P {
  return {
    ...proposal,
    status: move.to,
    planId: move.plan?.id ?? proposal.planId,
    planDigest: move.plan?.digest ?? proposal.planDigest,
    failure: move.failure ?? null,
  };
}

/** Queues the audit entry and returns what the outbox row holds: its id, the entry's, its type, the proposal and what happened to it. */
function announcement(tx: Tx, proposal: ProposalRow, move: Move): [string, string, string, string, string] {
  const type = eventOfStatus(move.to);
  const planDigest = move.plan?.digest ?? proposal.planDigest;
  const facts: JsonObject = { from: proposal.status, status: move.to, revision: proposal.revision, planDigest, ...move.facts };
  if (move.failure !== undefined) facts.failure = move.failure.code;
  const entry = tx.audit({
    type,
    proposalId: proposal.id,
    facts: { ...facts, ...move.entry },
    personal: { actor: move.actor, reason: move.reason },
  });
  return [randomUUID(), entry, type, proposal.id, JSON.stringify({ proposalId: proposal.id, actionType: proposal.actionType, ...facts })];
}
