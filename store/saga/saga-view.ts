import { mayRetry, nameOfStep, nextStep, type OperatorDecision } from '../../ontology/saga.ts';
import { isoTime } from '../proposal-row.ts';
import { askingId } from './asking-id.ts';
import { type SagaRow, type StepRow, stepsJson } from './saga-rows.ts';
import type { UndoConflict } from './undo-conflict.ts';

/** Of many conflicts. */
const mostShown = 100;

export interface EffectView {
  name: string;
  phase: StepRow['phase'];
  optional: boolean;
  state: StepRow['state'];
  attempts: number;
  undoAttempts: number;
  dueAt: string | null;
  bakesUntil: string | null;
  problem: { code: string; message: string } | null;
}

/** How far an execution with effects is, and what an operator is asked. */
export interface SagaView {
  run: number;
  direction: 'forward' | 'back';
  edits: SagaRow['edits'];
  steps: EffectView[];
  cancelled: { by: string; reason: string } | null;
  attention: { id: string; step: string; choices: OperatorDecision[]; conflicts: UndoConflict[] | null; conflictCount: number } | null;
  /** What was not put back, as an operator said. */
  left: { conflicts: UndoConflict[]; conflictCount: number } | null;
}

type NewestSaga = Pick<SagaRow, 'run' | 'direction' | 'edits' | 'steps' | 'cancelled' | 'conflicts' | 'asking'> & {
  endedAt: string | null;
};

/** SQL for the newest saga of a proposal row `p` as JSON; null where it has none. */
export const newestSagaJson = (p: string): string => `(
  SELECT jsonb_build_object('run', s.run, 'direction', s.direction, 'edits', s.edits, 'conflicts', s.conflicts, 'asking', s.asking, 'endedAt', ${isoTime('s.ended_at')},
                            'cancelled', CASE WHEN s.cancelled_at IS NOT NULL THEN jsonb_build_object('by', s.cancelled_by, 'reason', s.cancel_reason) END, 'steps', ${stepsJson('s')})
    FROM exequatur.saga s WHERE s.tenant_id = ${p}.tenant_id AND s.proposal_id = ${p}.id ORDER BY s.run DESC LIMIT 1)`;

export function sagaView(saga: NewestSaga | null, needsAttention: boolean): SagaView | null {
  if (saga === null) return null;
  const next = needsAttention ? nextStep(saga) : null;
  const { run, direction, edits, cancelled } = saga;
  const conflicts = next?.kind === 'attention' && next.step === 'edits' ? saga.conflicts : null;
  return {
    run,
    direction,
    edits,
    cancelled,
    steps: saga.steps.map(({ name, phase, optional, state, attempts, undoAttempts, dueAt, bakesUntil, problem }) => ({
      name,
      phase,
      optional,
      state,
      attempts,
      undoAttempts,
      dueAt,
      bakesUntil,
      problem: problem && { code: problem.code, message: problem.message },
    })),
    attention:
      next?.kind === 'attention'
        ? {
            id: askingId(saga, next.step),
            step: nameOfStep(next.step),
            choices: mayRetry(next.step) ? ['retry', 'skip', 'abort'] : ['skip', 'abort'],
            conflicts: conflicts?.slice(0, mostShown) ?? null,
            conflictCount: conflicts?.length ?? 0,
          }
        : null,
    left: leftOf(saga),
  };
}

function leftOf({ edits, conflicts, endedAt }: NewestSaga): SagaView['left'] {
  const isDecided = edits === 'undone' || edits === 'skipped' || (edits === 'stuck' && endedAt !== null);
  return conflicts !== null && isDecided ? { conflicts: conflicts.slice(0, mostShown), conflictCount: conflicts.length } : null;
}

export type { NewestSaga };
