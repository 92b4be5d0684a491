import type pg from 'pg';
import type { Answer } from '../../ontology/judge-answer.ts';
import { readApprovalFacts } from '../approval-facts.ts';
import { type LockedProposal, lockProposal } from '../proposal-row.ts';
import { describe, type Settled } from '../settle.ts';
import { type Tx, withTenant } from '../sql.ts';
import { announceStep } from './announce-step.ts';
import { describeSaga } from './describe-saga.ts';
import { judgeAttempt, type Outcome } from './judge-attempt.ts';
import { longestPauseMs, pauseMs } from './pause-between-attempts.ts';
import { type PlannedStep, readPlannedSteps, readSaga, type SagaRow, type StepRow } from './saga-rows.ts';
import { setStep } from './set-step.ts';
import type { Attempt } from './start-attempt.ts';

export interface Recorded {
  settled: Settled;
  /** The step is to be tried again after so long. */
  againMs?: number;
}

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
  const planned = (await readPlannedSteps(tx, saga.planId))[attempt.ordinal] as PlannedStep;
  const againMs = write(tx, { proposal, saga, step, attempt }, judgeAttempt(attempt, step, planned, answer, probed));
  const after = (await readSaga(tx, attempt.proposalId)) ?? saga;
  return { settled: describeSaga(proposal, facts, after), ...(againMs === undefined ? {} : { againMs }) };
}

/** Whether it is still this attempt whose answer is awaited. */
function isOf({ kind, number }: Attempt, step: StepRow): boolean {
  return kind === 'do' ? step.state === 'sending' && step.attempts === number : step.state === 'undoing' && step.undoAttempts === number;
}

interface Place {
  proposal: LockedProposal;
  saga: SagaRow;
  step: StepRow;
  attempt: Attempt;
}

function write(tx: Tx, { proposal, saga, step, attempt }: Place, outcome: Outcome): number | undefined {
  const { kind, number } = attempt;
  const othersMs = Math.max(0, (attempt.othersUntil ?? 0) - performance.now());
  if (outcome.state === 'again') {
    const state = kind === 'do' ? 'sending' : 'undoing';
    setStep(tx, proposal.id, saga, step, { state, leasedMs: outcome.outstanding ? othersMs : null, problem: outcome.problem });
    return outcome.retryAfterMs === undefined ? pauseMs(number) : Math.min(outcome.retryAfterMs, longestPauseMs);
  }
  const { state, problem, slots } = outcome;
  // What an earlier attempt met with says nothing any more of a step that is done.
  const left = state === 'done' ? { problem: null } : problem ? { problem } : {};
  const leasedMs = state === 'unknown' && othersMs > 0 ? othersMs : null;
  setStep(tx, proposal.id, saga, step, { state, leasedMs, ...left, ...(slots ? { slots } : {}) });
  announceStep(tx, proposal, saga, step, { kind, state, ...(problem ? { problem } : {}) });
  return undefined;
}
