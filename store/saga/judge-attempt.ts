import type { JsonObject } from '../../ontology/json.ts';
import { type Answer, type Judgement, judgeAnswer, judgeProbe, takeSlots } from '../../ontology/judge-answer.ts';
import type { PlannedEffect } from '../../ontology/planned-effect.ts';
import type { StepState } from '../../ontology/saga.ts';
import { bakeLeftMs } from './bake-time.ts';
import { judgeAsking } from './judge-asking.ts';
import type { PlannedStep } from './planned-steps.ts';
import type { StepProblem, StepRow } from './saga-rows.ts';
import { type Attempt, attemptsOf, lost, triesOf } from './start-attempt.ts';

/** What an attempt came to, as it is put on record. */
export type Outcome =
  | { state: Exclude<StepState, 'waiting' | 'sending' | 'undoing'>; problem?: StepProblem; slots?: JsonObject }
  /** `outstanding`: what was sent may have been received, by this attempt or, where the key makes them one, by an earlier one. `atOnce`: without a pause, since a probe has just told. `discounted`: it was a probe that could not tell yet. */
  | { state: 'again'; outstanding: boolean; problem: StepProblem; retryAfterMs?: number; atOnce?: true; discounted?: true }
  /** A check held, or nobody could be asked, and its bake time is not over. */
  | { state: 'baking'; problem: StepProblem | null };

/** What the answer to an attempt says of the step, by what is on record of the attempts before. */
export function judgeAttempt(
  attempt: Attempt,
  step: StepRow,
  planned: PlannedStep,
  { answer, probed }: { answer: Answer; probed: boolean },
): Outcome {
  if ('check' in planned) {
    const isLast = attempt.number - step.earlierAttempts >= attemptsOf(planned);
    // By when it was asked, which is when the step was last changed: an answer that comes after the end may be to what was asked long before.
    const bakes = bakeLeftMs(step, planned.check, step.changedAt) > 0;
    return judgeAsking(judgeProbe(answer, attempt.check?.done ?? ''), { bakes, isLast });
  }
  const { effect } = planned;
  const { kind, probeFirst, othersUntil } = attempt;
  // What was sent may be at work until its time is over, though whoever sent it has died: before that a probe that finds nothing says nothing.
  if (probeFirst !== undefined && othersUntil !== undefined && judgeProbe(answer, probeFirst.done) !== true)
    return {
      state: 'again',
      outstanding: true,
      problem: { ...(step.problem ?? lost), inDoubt: true },
      ...(kind === 'do' ? { discounted: true } : {}),
    };
  const number = attempt.number - (kind === 'do' ? step.earlierAttempts : 0);
  const isLast = number >= attemptsOf(planned);
  return kind === 'do'
    ? judgeDo(attempt, step, effect, answer, { probed, isLast, mayAsk: number < triesOf(planned) })
    : judgeUndo(attempt, step, effect, answer, { probed, isLast });
}

function judgeDo(
  { probeFirst }: Attempt,
  step: StepRow,
  effect: PlannedEffect,
  answer: Answer,
  { probed, isLast, mayAsk }: { probed: boolean; isLast: boolean; mayAsk: boolean },
): Outcome {
  if (probed && probeFirst !== undefined) {
    const isDone = judgeProbe(answer, probeFirst.done);
    if (isDone && answer.kind === 'answered') return ended(takeSlots(answer, effect.slots ?? {}));
    const known = step.problem ?? lost;
    // What was sent may still be under way at the other side when the probe finds nothing: the doubt stays until it is found done.
    const problem = { ...known, inDoubt: true };
    // Past the last attempt nothing is sent any more, so a no changes nothing; a probe that could not tell is asked a few times more.
    if (isLast && (isDone === false || !mayAsk)) return { state: 'unknown', problem };
    return { state: 'again', outstanding: isDone === undefined, problem, ...(isDone === false ? { atOnce: true } : {}) };
  }
  const judgement = judgeAnswer(answer, effect.slots);
  if (judgement.outcome === 'done' || judgement.outcome === 'unusable') return ended(judgement);
  const mode = effect.lostAnswer;
  const wasInDoubt = isInDoubt(step);
  const inDoubt = judgement.inDoubt || wasInDoubt;
  const problem = { ...judgement.problem, inDoubt };
  // Whoever can be asked is asked, also when nothing is sent any more.
  const isProbed = inDoubt && mode === 'probe';
  if ((isLast && !isProbed) || (inDoubt && mode === 'none')) return { state: inDoubt ? 'unknown' : 'refused', problem };
  if (judgement.outcome === 'again') return { ...judgement, state: 'again', outstanding: inDoubt, problem };
  if (!inDoubt) return { state: 'refused', problem };
  // A refusal says what became of this attempt alone: an earlier one may be under way, or have been done before whatever turns this one away. A probe tells, and so does whoever is still busy with it.
  const isBusy = answer.kind === 'answered' && answer.status === 409;
  return mode === 'probe' || isBusy ? { state: 'again', outstanding: true, problem } : { state: 'unknown', problem };
}

function isInDoubt({ problem }: StepRow): boolean {
  return problem?.inDoubt === true;
}

function ended(judgement: Extract<Judgement, { outcome: 'done' | 'unusable' }>): Outcome {
  if (judgement.outcome === 'unusable') return { state: 'unknown', problem: judgement.problem };
  return { state: 'done', ...(judgement.slots ? { slots: judgement.slots } : {}) };
}

/**
 * Undone until it is done, or refused for good. Where the receiver says that there is nothing to undo, that is the end where the effect may never have happened, or an earlier
 * undo may have been received; what surely was done and surely was not undone, a person looks for. Where it says, in doubt, that something is still under way, it is asked again as
 * often as the effect itself may be tried.
 */
function judgeUndo(
  { probeFirst }: Attempt,
  step: StepRow,
  effect: PlannedEffect,
  answer: Answer,
  { probed, isLast }: { probed: boolean; isLast: boolean },
): Outcome {
  const mode = effect.compensation?.lostAnswer ?? 'none';
  if (probed && probeFirst !== undefined) {
    const isDone = judgeProbe(answer, probeFirst.done);
    if (isDone) return { state: 'undone' };
    const known = step.problem ?? { code: 'answer_lost', message: 'an undo was sent, and its answer never came' };
    const problem = { ...known, inDoubt: true };
    return isDone === false
      ? { state: 'again', outstanding: false, problem, atOnce: true }
      : { state: 'again', outstanding: true, problem };
  }
  const judgement = judgeAnswer(answer);
  if (judgement.outcome === 'done' || judgement.outcome === 'unusable') return { state: 'undone' };
  const wasInDoubt = isInDoubt(step);
  const problem = { ...judgement.problem, inDoubt: judgement.inDoubt || wasInDoubt };
  if (judgement.outcome === 'again') {
    if (judgement.inDoubt && mode === 'none') return { state: 'stuck', problem };
    return { ...judgement, state: 'again', outstanding: judgement.inDoubt || (mode === 'probe' && wasInDoubt), problem };
  }
  const status = answer.kind === 'answered' ? answer.status : 0;
  if ((status === 404 || status === 410) && wasInDoubt) return { state: 'undone' };
  const isAsked = mode === 'probe' ? judgement.inDoubt || (status === 409 && wasInDoubt) : mode === 'key' && status === 409 && wasInDoubt;
  return isAsked && !isLast ? { state: 'again', outstanding: true, problem } : { state: 'stuck', problem };
}
