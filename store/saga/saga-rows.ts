import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { PlannedCheck, PlannedEffect } from '../../ontology/planned-effect.ts';
import type { Saga, SagaStep } from '../../ontology/saga.ts';
import { isoTime, type StoredFailure } from '../proposal-row.ts';
import type { Sql } from '../sql.ts';

export interface StepRow extends SagaStep {
  attempts: number;
  undoAttempts: number;
  /** Set while an attempt may have reached the other side without an answer of it being known; until then somebody may still wait for that answer. */
  leasedUntil: string | null;
  dueAt: string | null;
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

/** An execution with effects that is under way. */
export interface SagaRow extends Saga {
  run: number;
  planId: string;
  backTo: 'failed' | 'simulating' | null;
  failure: StoredFailure | null;
  cancelled: { by: string; reason: string } | null;
  conflicts: JsonValue;
  steps: StepRow[];
  now: string;
}

/** SQL for the steps of a saga row `s` as a JSON array. */
export const stepsJson = (s: string): string => `(
  SELECT coalesce(jsonb_agg(jsonb_build_object('ordinal', t.ordinal, 'name', t.name, 'phase', t.phase, 'optional', t.optional, 'state', t.state, 'hasCompensation', t.compensated,
                                               'asksPerson', t.asks_person, 'attempts', t.attempts, 'undoAttempts', t.undo_attempts, 'leasedUntil', ${isoTime('t.leased_until')},
                                               'dueAt', ${isoTime('t.due_at')}, 'changedAt', ${isoTime('t.changed_at')}, 'slots', t.slots, 'problem', t.problem) ORDER BY t.ordinal), '[]')
    FROM exequatur.saga_step t WHERE t.tenant_id = ${s}.tenant_id AND t.proposal_id = ${s}.proposal_id AND t.run = ${s}.run)`;

/** The saga of a proposal that is under way. MUST be read after the proposal's row was locked. */
export async function readSaga(tx: Sql, proposalId: string): Promise<SagaRow | null> {
  const [row] = await tx.rows<{ saga: SagaRow }>(
    `SELECT jsonb_build_object('run', s.run, 'planId', s.plan_id, 'direction', s.direction, 'edits', s.edits, 'backTo', s.back_to, 'failure', s.failure, 'conflicts', s.conflicts,
                               'cancelled', CASE WHEN s.cancelled_at IS NOT NULL THEN jsonb_build_object('by', s.cancelled_by, 'reason', s.cancel_reason) END,
                               'steps', ${stepsJson('s')}, 'now', ${isoTime('exequatur.clock()')}) AS saga
       FROM exequatur.saga s WHERE s.proposal_id = $1::uuid AND s.ended_at IS NULL`,
    [proposalId],
  );
  return row?.saga ?? null;
}

export type PlannedStep = { effect: PlannedEffect } | { check: PlannedCheck };

/** What the plan says of its steps, by ordinal. The header is the first line of the first chunk. */
export async function readPlannedSteps(tx: Sql, planId: string): Promise<PlannedStep[]> {
  const [row] = await tx.rows<{ header: { effects: PlannedEffect[]; checks?: PlannedCheck[] } }>(
    `SELECT split_part(convert_from(c.bytes, 'UTF8'), E'\\n', 1)::jsonb AS header FROM exequatur.plan_chunk c WHERE c.plan_id = $1::uuid AND c.ordinal = 0`,
    [planId],
  );
  if (row === undefined) throw new Error('a saga names a plan that is not there');
  return [...row.header.effects.map((effect) => ({ effect })), ...(row.header.checks ?? []).map((check) => ({ check }))];
}

/** What the answers so far have said. */
export function slotsOf(saga: Pick<SagaRow, 'steps'>): JsonObject {
  return Object.assign({}, ...saga.steps.map(({ slots }) => slots ?? {}));
}
