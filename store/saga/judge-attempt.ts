import type { JsonObject } from '../../ontology/json.ts';
import { type Answer, type Judgement, judgeAnswer, judgeProbe, takeSlots } from '../../ontology/judge-answer.ts';
import type { PlannedEffect } from '../../ontology/planned-effect.ts';
import type { StepState } from '../../ontology/saga.ts';
import type { PlannedStep, StepProblem, StepRow } from './saga-rows.ts';
import { type Attempt, attemptsOf } from './start-attempt.ts';

/** What an attempt came to, as it is put on record. */
export type Outcome =
  | { state: Exclude<StepState, 'waiting' | 'sending' | 'undoing'>; problem?: StepProblem; slots?: JsonObject }
  /** `outstanding`: what was sent may have been received, by this attempt or, where the key makes them one, by an earlier one. */
  | { state: 'again'; outstanding: boolean; problem: StepProblem; retryAfterMs?: number };

/** What the answer to an attempt says of the step, by what is on record of the attempts before. */
export function judgeAttempt(attempt: Attempt, step: StepRow, planned: PlannedStep, answer: Answer, probed: boolean): Outcome {
  const effect = 'effect' in planned ? planned.effect : null;
  const isLast = attempt.number >= attemptsOf(planned);
  return attempt.kind === 'do'
    ? judgeDo(attempt, step, effect, answer, { probed, isLast })
    : judgeUndo(attempt, step, effect, answer, { probed, isLast });
}

function judgeDo(
  { check, probeFirst }: Attempt,
  step: StepRow,
  effect: PlannedEffect | null,
  answer: Answer,
  { probed, isLast }: { probed: boolean; isLast: boolean },
): Outcome {
  if (check !== undefined) {
    const holds = judgeProbe(answer, check.done);
    if (holds !== undefined)
      return holds ? { state: 'done' } : { state: 'refused', problem: { code: 'check_failed', message: 'it does not hold' } };
    const problem = { code: 'check_unanswered', message: 'nobody answered whether it holds' };
    return isLast ? { state: 'refused', problem } : { state: 'again', outstanding: false, problem };
  }
  if (probed && probeFirst !== undefined) {
    const isDone = judgeProbe(answer, probeFirst.done);
    if (isDone && answer.kind === 'answered') return ended(takeSlots(answer, effect?.slots ?? {}));
    const known = step.problem ?? { code: 'answer_lost', message: 'a request was sent, and its answer never came' };
    const problem = { ...known, inDoubt: isDone === undefined };
    if (isDone === false) return isLast ? { state: 'refused', problem } : { state: 'again', outstanding: false, problem, retryAfterMs: 0 };
    return isLast ? { state: 'unknown', problem } : { state: 'again', outstanding: true, problem };
  }
  const judgement = judgeAnswer(answer, effect?.slots);
  const wasInDoubt = effect?.lostAnswer === 'key' && isInDoubt(step);
  if (judgement.outcome === 'refused' && wasInDoubt) {
    // It says what became of this attempt alone: an earlier one may be under way, or have been done before whatever turns this one away.
    const problem = { ...judgement.problem, inDoubt: true };
    const isBusy = answer.kind === 'answered' && answer.status === 409;
    return isBusy && !isLast ? { state: 'again', outstanding: true, problem } : { state: 'unknown', problem };
  }
  if (judgement.outcome !== 'again') return ended(judgement);
  const inDoubt = judgement.inDoubt || wasInDoubt;
  const problem = { ...judgement.problem, inDoubt };
  if (judgement.inDoubt && effect?.lostAnswer === 'none') return { state: 'unknown', problem };
  if (isLast) return { state: inDoubt ? 'unknown' : 'refused', problem };
  return { ...judgement, state: 'again', outstanding: inDoubt, problem };
}

function isInDoubt({ problem }: StepRow): boolean {
  return problem?.inDoubt === true;
}

function ended(judgement: Exclude<Judgement, { outcome: 'again' }>): Outcome {
  switch (judgement.outcome) {
    case 'done':
      return { state: 'done', ...(judgement.slots ? { slots: judgement.slots } : {}) };
    case 'refused':
      return { state: 'refused', problem: judgement.problem };
    case 'unusable':
      return { state: 'unknown', problem: judgement.problem };
  }
}

/**
 * Undone until it is done, or refused for good. Where the receiver says that there is nothing to undo, that is the end where the effect may never have happened, or an earlier
 * undo may have been received; what surely was done and surely was not undone, a person looks for. Where it says, in doubt, that something is still under way, it is asked again as
 * often as the effect itself may be tried.
 */
function judgeUndo(
  { probeFirst }: Attempt,
  step: StepRow,
  effect: PlannedEffect | null,
  answer: Answer,
  { probed, isLast }: { probed: boolean; isLast: boolean },
): Outcome {
  const mode = effect?.compensation?.lostAnswer ?? 'none';
  if (probed && probeFirst !== undefined) {
    const isDone = judgeProbe(answer, probeFirst.done);
    if (isDone) return { state: 'undone' };
    const known = step.problem ?? { code: 'answer_lost', message: 'an undo was sent, and its answer never came' };
    return isDone === false
      ? { state: 'again', outstanding: false, problem: { ...known, inDoubt: false }, retryAfterMs: 0 }
      : { state: 'again', outstanding: true, problem: { ...known, inDoubt: true } };
  }
  const judgement = judgeAnswer(answer);
  if (judgement.outcome === 'done' || judgement.outcome === 'unusable') return { state: 'undone' };
  if (judgement.outcome === 'again') {
    const problem = { ...judgement.problem, inDoubt: judgement.inDoubt || isInDoubt(step) };
    if (judgement.inDoubt && mode === 'none') return { state: 'stuck', problem };
    return { ...judgement, state: 'again', outstanding: judgement.inDoubt, problem };
  }
  const status = answer.kind === 'answered' ? answer.status : 0;
  if ((status === 404 || status === 410) && isInDoubt(step)) return { state: 'undone' };
  if (status === 409 && isInDoubt(step) && mode !== 'none' && !isLast)
    return { state: 'again', outstanding: true, problem: { ...judgement.problem, inDoubt: true } };
  return { state: 'stuck', problem: { ...judgement.problem, inDoubt: isInDoubt(step) } };
}
