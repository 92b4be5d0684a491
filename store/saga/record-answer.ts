import type pg from 'pg';
import type { Answer } from '../../ontology/judge-answer.ts';
import { readApprovalFacts } from '../approval-facts.ts';
import { type LockedProposal, lockProposal } from '../proposal-row.ts';
import { describe, type Settled } from '../settle.ts';
import { type Tx, withTenant } from '../sql.ts';
import { announceStep, type StepEnd } from './announce-step.ts';
import { askLater } from './bake-time.ts';
import { describeSaga } from './describe-saga.ts';
import { judgeAttempt, type Outcome } from './judge-attempt.ts';
import { askedPauseMs, pauseMs } from './pause-between-attempts.ts';
import { knownPlan, type PlannedStep } from './planned-steps.ts';
import { readSagaAhead } from './saga-ahead.ts';
import type { SagaHead, StepRow } from './saga-rows.ts';
import { setStep } from './set-step.ts';
import type { Attempt } from './start-attempt.ts';

export interface Recorded {
  settled: Settled;
  /** The step is to be tried again after so long. */
  againMs?: number;
  /** The step has come to an end. */
  ended?: StepEnd;
}

/** Stores what became of an attempt: it is over, or tried again after a while. `probed` says that the answer is a probe's. An attempt that somebody else has overtaken changes nothing. */
export function recordAnswer(pool: pg.Pool, attempt: Attempt, answer: Answer, probed: boolean): Promise<Recorded | null> {
  return withTenant(pool, attempt.tenant, (tx) => record(tx, attempt, answer, probed));
}

async function record(tx: Tx, attempt: Attempt, answer: Answer, probed: boolean): Promise<Recorded | null> {
  const proposal = await lockProposal(tx, attempt.proposalId);
  if (proposal === null) return null;
  const [facts, saga] = await Promise.all([
    readApprovalFacts(tx, attempt.proposalId),
    readSagaAhead(tx, attempt.proposalId, attempt.ordinal),
  ]);
  const step = saga?.run === attempt.run ? saga.asked : null;
  if (saga === null || step === null || !isOf(attempt, step))
    return { settled: saga === null ? describe(proposal, facts) : describeSaga(proposal, facts, saga) };
  const planned = (await knownPlan(tx, saga.planId)).steps[attempt.ordinal] as PlannedStep;
  const outcome = judgeAttempt(attempt, step, planned, { answer, probed });
  const written = write(tx, { proposal, saga, step, attempt, planned }, outcome);
  const after = (await readSagaAhead(tx, attempt.proposalId)) ?? saga;
  return { settled: describeSaga(proposal, facts, after), ...written };
}

/** Whether it is still this attempt whose answer is awaited. */
function isOf({ kind, number }: Attempt, step: StepRow): boolean {
  return kind === 'do' ? step.state === 'sending' && step.attempts === number : step.state === 'undoing' && step.undoAttempts === number;
}

function pauseOf({ retryAfterMs, atOnce }: Extract<Outcome, { state: 'again' }>, number: number): number {
  if (atOnce) return 0;
  return retryAfterMs === undefined ? pauseMs(number) : askedPauseMs(number, retryAfterMs);
}

interface Place {
  proposal: LockedProposal;
  saga: SagaHead;
  step: StepRow;
  attempt: Attempt;
  planned: PlannedStep;
}

function write(tx: Tx, { proposal, saga, step, attempt, planned }: Place, outcome: Outcome): Pick<Recorded, 'againMs' | 'ended'> {
  const { kind, number } = attempt;
  const othersMs = Math.max(0, (attempt.othersUntil ?? 0) - performance.now());
  if (outcome.state === 'again') {
    const state = kind === 'do' ? 'sending' : 'undoing';
    const { outstanding, problem, discounted } = outcome;
    setStep(tx, proposal.id, saga, step, {
      state,
      leasedMs: outstanding ? othersMs : null,
      problem,
      ...(discounted ? { discounted } : {}),
    });
    return { againMs: pauseOf(outcome, number - step.earlierAttempts) };
  }
  if (outcome.state === 'baking') {
    if (!('check' in planned)) throw new Error('nothing but a check has a bake time');
    askLater(tx, proposal.id, saga, step, planned.check, outcome.problem);
    return {};
  }
  const { state, problem, slots } = outcome;
  // What an earlier attempt met with says nothing any more of a step that is done.
  const left = state === 'done' ? { problem: null } : problem ? { problem } : {};
  const leasedMs = state === 'unknown' && othersMs > 0 ? othersMs : null;
  setStep(tx, proposal.id, saga, step, { state, leasedMs, ...left, ...(slots ? { slots } : {}) });
  return { ended: announceStep(tx, proposal, saga, step, { kind, state, ...(problem ? { problem } : {}) }) };
}
