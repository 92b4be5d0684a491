import { type NextStep, nextStep } from '../../ontology/saga.ts';
import type { Sql } from '../sql.ts';
import { type SagaHead, type StepRow, selectSaga } from './saga-rows.ts';

/** An execution with effects that is under way, as whoever tries one step needs it: with what comes next, and not with all of its steps. */
export interface SagaAhead extends SagaHead {
  next: NextStep<StepRow>;
  /** The step that was asked for. */
  asked: StepRow | null;
}

/** SQL for the ordinal of the first, or last, of the steps of a saga row `s` that are so. An index of its own holds those that are, so neither costs more the more steps there are. */
const ordinalOf = (isSo: string, order: 'ASC' | 'DESC'): string => `(
  SELECT t.ordinal FROM exequatur.saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND ${isSo} ORDER BY t.ordinal ${order} LIMIT 1)`;

/** The same of the check that is due first. */
const ordinalToAsk = `(
  SELECT t.ordinal FROM exequatur.saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.phase = 'check' AND t.state IN ('waiting', 'sending')
   ORDER BY t.due_at NULLS FIRST, t.ordinal LIMIT 1)`;

const isToDo = `t.phase <> 'check' AND t.state IN ('waiting', 'sending')`;
const hasFailed = `t.state IN ('refused', 'unknown') AND NOT t.optional`;
const isToUndo = (phase: string): string =>
  `t.phase = '${phase}' AND (t.state IN ('undoing', 'stuck') OR (t.state IN ('done', 'sending', 'unknown') AND (t.compensated OR NOT t.optional)))`;

/**
 * `nextStep` goes by the first that failed, the first effect that is to be done and the check that is due first, or by the last that is to be undone, before the edits and after them:
 * of these steps it comes to what it would of all. tests/store/saga-ahead.test.ts holds both against each other. Nothing but plain values may stand in the list: past a function, even
 * `coalesce`, row-level security lets no index be asked.
 */
const selectAhead = selectSaga(`t.ordinal = ANY (CASE s.direction
  WHEN 'forward' THEN ARRAY[$2::int, ${ordinalOf(hasFailed, 'ASC')}, ${ordinalOf(isToDo, 'ASC')}, ${ordinalToAsk}]
  ELSE ARRAY[$2::int, ${ordinalOf(isToUndo('sideEffect'), 'DESC')}, ${ordinalOf(isToUndo('writeBack'), 'DESC')}] END)`);

/** MUST be read after the proposal's row was locked. `asked` is the ordinal of a step that is wanted whatever its state. */
export async function readSagaAhead(tx: Sql, proposalId: string, asked: number | null = null): Promise<SagaAhead | null> {
  const [row] = await tx.rows<{ saga: SagaHead & { steps: StepRow[] } }>(selectAhead, [proposalId, asked]);
  if (row === undefined) return null;
  const { steps, ...head } = row.saga;
  // A step that was asked for may be any: with the decisive ones beside it, it changes nothing.
  return { ...head, next: nextStep({ ...head, steps }), asked: steps.find(({ ordinal }) => ordinal === asked) ?? null };
}
