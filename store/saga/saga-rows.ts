import type { JsonObject } from '../../ontology/json.ts';
import type { Saga, SagaStep } from '../../ontology/saga.ts';
import { isoTime, type StoredFailure } from '../proposal-row.ts';
import type { Sql } from '../sql.ts';
import type { UndoConflict } from './undo-conflict.ts';

export interface StepRow extends SagaStep {
  attempts: number;
  undoAttempts: number;
  /** Set while an attempt may have reached the other side without an answer of it being known; until then somebody may still wait for that answer. */
  leasedUntil: string | null;
  /** Of an attempt that must not be overtaken: when whoever made it is dead, unless that is moved on before. Null where nobody says. */
  heldUntil: string | null;
  /** Of a check with a bake time: until when it is asked again and again; null before it was first asked. */
  bakesUntil: string | null;
  /** How many of its attempts do not count any more: of a check those of askings that are over; of an effect probes that came too early to tell. */
  earlierAttempts: number;
  /** When what is on record of it was last changed: of a check that waits, since when it waits. */
  changedAt: string;
  slots: JsonObject | null;
  problem: StepProblem | null;
}

export interface StepProblem {
  code: string;
  message: string;
  /** That the effect, or once it is being undone its undo, may have happened without an answer of it being known. An undo that finds nothing is believed then alone. */
  inDoubt?: boolean;
}

/** An execution with effects that is under way, but for its steps. */
export interface SagaHead extends Omit<Saga, 'steps'> {
  run: number;
  planId: string;
  digest: string;
  /** The server that says so, and the database on it: another text after each restart, and so after whatever brings an earlier state back. */
  server: string;
  /** Whether idempotency keys say of which plan they are. Not of what began before they did. */
  keysNamePlan: boolean;
  backTo: 'failed' | 'simulating' | null;
  failure: StoredFailure | null;
  cancelled: { by: string; reason: string } | null;
  conflicts: UndoConflict[] | null;
  /** Which asking of an operator was the newest. */
  asking: string;
  now: string;
}

/** With all of its steps, of which there may be as many as a change set has actions, and more. */
export interface SagaRow extends SagaHead {
  steps: StepRow[];
}

/** SQL for the steps `t` of a saga row `s`, or for `some` of them, as a JSON array. */
export const stepsJson = (s: string, some = 'true'): string => `(
  SELECT coalesce(jsonb_agg(jsonb_build_object('ordinal', t.ordinal, 'name', t.name, 'phase', t.phase, 'optional', t.optional, 'state', t.state, 'hasCompensation', t.compensated,
                                               'asksPerson', t.asks_person, 'attempts', t.attempts, 'undoAttempts', t.undo_attempts, 'leasedUntil', ${isoTime('t.leased_until')}, 'heldUntil', ${isoTime('t.held_until')},
                                               'dueAt', ${isoTime('t.due_at')}, 'bakesUntil', ${isoTime('t.bakes_until')}, 'earlierAttempts', t.earlier_attempts, 'changedAt', ${isoTime('t.changed_at')}, 'slots', t.slots, 'problem', t.problem) ORDER BY t.ordinal), '[]')
    FROM exequatur.saga_step t WHERE t.tenant_id = ${s}.tenant_id AND t.proposal_id = ${s}.proposal_id AND t.run = ${s}.run AND (${some}))`;

/** SQL for the saga under way of the proposal $1, with `some` of its steps. */
const serverText = `concat_ws('.', extract(epoch FROM pg_postmaster_start_time()), (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()), 'exequatur.saga'::regclass::oid)`;

export const selectSaga = (some?: string): string =>
  `SELECT jsonb_build_object('run', s.run, 'planId', s.plan_id, 'digest', s.digest, 'keysNamePlan', s.keys_name_plan, 'direction', s.direction, 'edits', s.edits, 'backTo', s.back_to, 'failure', s.failure, 'conflicts', s.conflicts, 'asking', s.asking,
                               'cancelled', CASE WHEN s.cancelled_at IS NOT NULL THEN jsonb_build_object('by', s.cancelled_by, 'reason', s.cancel_reason) END,
                               'steps', ${stepsJson('s', some)}, 'now', ${isoTime('exequatur.clock()')}, 'server', ${serverText}) AS saga
     FROM exequatur.saga s WHERE s.proposal_id = $1::uuid AND s.ended_at IS NULL`;

/** The saga of a proposal that is under way. MUST be read after the proposal's row was locked. */
export async function readSaga(tx: Sql, proposalId: string): Promise<SagaRow | null> {
  const [row] = await tx.rows<{ saga: SagaRow }>(selectSaga(), [proposalId]);
  return row?.saga ?? null;
}

/** What the answers so far have said. */
export function slotsOf(saga: Pick<SagaRow, 'steps'>): JsonObject {
  return Object.assign({}, ...saga.steps.map(({ slots }) => slots ?? {}));
}
