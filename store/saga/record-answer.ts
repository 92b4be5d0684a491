import type pg from 'pg';
import type { JsonObject } from '../../ontology/json.ts';
import { type Answer, type AnswerProblem, type Judgement, judgeAnswer, judgeProbe, takeSlots } from '../../ontology/judge-answer.ts';
import type { PlannedEffect } from '../../ontology/planned-effect.ts';
import type { StepState } from '../../ontology/saga.ts';
import { readApprovalFacts } from '../approval-facts.ts';
import { type LockedProposal, lockProposal } from '../proposal-row.ts';
import { describe, type Settled } from '../settle.ts';
import { type Tx, withTenant } from '../sql.ts';
import { announceStep } from './announce-step.ts';
import { describeSaga } from './describe-saga.ts';
import { readPlannedSteps, readSaga, type SagaRow, type StepRow } from './saga-rows.ts';
import { setStep } from './set-step.ts';
import type { Attempt } from './start-attempt.ts';

export interface Recorded {
  settled: Settled;
  /** The step is to be tried again after so long. */
  againMs?: number;
}

/** What an attempt came to, as it is put on record. */
type Outcome =
  | { state: Exclude<StepState, 'waiting' | 'sending' | 'undoing'>; problem?: AnswerProblem; slots?: JsonObject }
  | { state: 'again'; inDoubt: boolean; problem: AnswerProblem; retryAfterMs?: number };

/** Stores what became of an attempt: it is over, or tried again after a while. `probed` says that the answer is a probe's. An attempt that somebody else has overtaken changes nothing. */
export function recordAnswer(pool: pg.Pool, attempt: Attempt, answer: Answer, probed: boolean): Promise<Recorded | null> {
  return withTenant(pool, attempt.tenant, (tx) => record(tx, attempt, answer, probed));
}

async function record(tx: Tx, attempt: Attempt, answer: Answer, probed: boolean): Promise<Recorded | null> {
  const proposal = await lockProposal(tx, attempt.proposalId);
  if (proposal === null) return null;
  const [facts, saga] = await Promise.all([readApprovalFacts(tx, attempt.proposalId), readSaga(tx, attempt.proposalId)]);
  const step = saga?.run === attempt.run ? saga.steps[attempt.ordinal] : undefined;
  if (saga === null || step === undefined || !isOf(attempt, step))
    return { settled: saga === null ? describe(proposal, facts) : describeSaga(proposal, facts, saga) };
  const planned = (await readPlannedSteps(tx, saga.planId))[attempt.ordinal];
  const effect = planned !== undefined && 'effect' in planned ? planned.effect : null;
  const outcome = attempt.kind === 'do' ? judgeDo(attempt, step, effect, answer, probed) : judgeUndo(attempt, step, effect, answer, probed);
  const againMs = write(tx, { proposal, saga, step, attempt }, outcome);
  const after = (await readSaga(tx, attempt.proposalId)) ?? saga;
  return { settled: describeSaga(proposal, facts, after), ...(againMs === undefined ? {} : { againMs }) };
}

/** Whether it is still this attempt whose answer is awaited. */
function isOf({ kind, number }: Attempt, step: StepRow): boolean {
  return kind === 'do' ? step.state === 'sending' && step.attempts === number : step.state === 'undoing' && step.undoAttempts === number;
}

function judgeDo(
  { check, number, probeFirst }: Attempt,
  step: StepRow,
  effect: PlannedEffect | null,
  answer: Answer,
  probed: boolean,
): Outcome {
  const attempts = effect?.attempts ?? checkAttempts;
  const isLast = number >= attempts;
  if (check !== undefined) {
    const holds = judgeProbe(answer, check.done);
    if (holds !== undefined)
      return holds ? { state: 'done' } : { state: 'refused', problem: { code: 'check_failed', message: 'it does not hold' } };
    const problem = { code: 'check_unanswered', message: 'nobody answered whether it holds' };
    return isLast ? { state: 'refused', problem } : { state: 'again', inDoubt: false, problem };
  }
  if (probed && probeFirst !== undefined) {
    const isDone = judgeProbe(answer, probeFirst.done);
    if (isDone && answer.kind === 'answered') return ended(takeSlots(answer, effect?.slots ?? {}));
    const problem = step.problem ?? { code: 'answer_lost', message: 'a request was sent, and its answer never came' };
    if (isDone === false) return isLast ? { state: 'refused', problem } : { state: 'again', inDoubt: false, problem, retryAfterMs: 0 };
    return isLast ? { state: 'unknown', problem } : { state: 'again', inDoubt: true, problem };
  }
  const judgement = judgeAnswer(answer, effect?.slots);
  const wasInDoubt = effect?.lostAnswer === 'key' && isInDoubt(step);
  if (judgement.outcome === 'refused' && wasInDoubt) {
    // It says what became of this attempt alone: an earlier one may be under way, or have been done before whatever turns this one away.
    const { problem } = judgement;
    const isBusy = answer.kind === 'answered' && answer.status === 409;
    return isBusy && !isLast ? { state: 'again', inDoubt: true, problem } : { state: 'unknown', problem };
  }
  if (judgement.outcome !== 'again') return ended(judgement);
  const inDoubt = judgement.inDoubt || wasInDoubt;
  const { problem } = judgement;
  if (judgement.inDoubt && effect?.lostAnswer === 'none') return { state: 'unknown', problem };
  if (isLast) return { state: inDoubt ? 'unknown' : 'refused', problem };
  return { ...judgement, state: 'again', inDoubt };
}

/** Whether an earlier attempt may have been received. While one is under way that is kept in its problem. */
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

/** Undone until it is done, or refused for good. What was never surely done, or may have been undone already, is not there to be undone where the receiver says so. */
function judgeUndo({ probeFirst, number }: Attempt, step: StepRow, effect: PlannedEffect | null, answer: Answer, probed: boolean): Outcome {
  const mode = effect?.compensation?.lostAnswer ?? 'none';
  if (probed && probeFirst !== undefined) {
    const isDone = judgeProbe(answer, probeFirst.done);
    const problem = step.problem ?? { code: 'answer_lost', message: 'an undo was sent, and its answer never came' };
    return isDone
      ? { state: 'undone' }
      : { state: 'again', inDoubt: isDone === undefined, problem, ...(isDone === false ? { retryAfterMs: 0 } : {}) };
  }
  const judgement = judgeAnswer(answer);
  if (judgement.outcome === 'done' || judgement.outcome === 'unusable') return { state: 'undone' };
  if (judgement.outcome === 'again') {
    return judgement.inDoubt && mode === 'none' ? { state: 'stuck', problem: judgement.problem } : { ...judgement, state: 'again' };
  }
  const isGone = answer.kind === 'answered' && (answer.status === 404 || answer.status === 410);
  const mayBeNothing = number > 1 || step.problem !== null;
  return isGone && mayBeNothing ? { state: 'undone' } : { state: 'stuck', problem: judgement.problem };
}

interface Place {
  proposal: LockedProposal;
  saga: SagaRow;
  step: StepRow;
  attempt: Attempt;
}

function write(tx: Tx, { proposal, saga, step, attempt }: Place, outcome: Outcome): number | undefined {
  const { kind, number } = attempt;
  if (outcome.state === 'again') {
    const state = kind === 'do' ? 'sending' : 'undoing';
    setStep(tx, proposal.id, saga, step, {
      state,
      leasedMs: outcome.inDoubt ? 0 : null,
      problem: { ...outcome.problem, inDoubt: outcome.inDoubt },
    });
    return outcome.retryAfterMs === undefined ? pauseMs(number) : Math.min(outcome.retryAfterMs, longestPauseMs);
  }
  const { state, problem, slots } = outcome;
  setStep(tx, proposal.id, saga, step, { state, leasedMs: null, ...(problem ? { problem } : {}), ...(slots ? { slots } : {}) });
  announceStep(tx, proposal, saga, step, { kind, state, ...(problem ? { problem } : {}) });
  return undefined;
}

const checkAttempts = 10;
const firstPauseMs = 500;
const longestPauseMs = 5 * 60_000;
const usualPauseMs = 60_000;

/** Doubles up to a minute, spread over its upper half, so that many that failed together do not come back together. */
function pauseMs(number: number): number {
  const most = Math.min(usualPauseMs, firstPauseMs * 2 ** Math.min(number, 10));
  return Math.round(most / 2 + (Math.random() * most) / 2);
}
