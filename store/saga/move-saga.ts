import type { ProposalRow, StoredFailure } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import { leaveExecuting, type Move, through } from '../transition.ts';
import type { Attention } from './attention-of.ts';
import type { SagaRow } from './saga-rows.ts';

/** Whether anything of it may have happened. */
export function hasTried({ edits, steps }: SagaRow): boolean {
  return edits !== 'waiting' || steps.some(({ state }) => state !== 'waiting' && state !== 'refused');
}

/**
 * Leaves an execution: at once where nothing of it may have happened, else by undoing all of it first. What would have sent it back to those who approve then sends it to
 * be simulated again, where they are asked again; what was written already can only fail.
 */
export function leaveSaga<P extends ProposalRow>(tx: Tx, proposal: P, move: Move, saga: SagaRow | null): P {
  if (saga === null || !hasTried(saga)) return leaveExecuting(tx, proposal, move);
  const backTo = move.to === 'failed' || saga.edits !== 'waiting' ? 'failed' : 'simulating';
  const failure = backTo === 'failed' ? (move.failure ?? executionFailed(move.reason ?? move.to, 'The execution could not go on.')) : null;
  return turnBack(tx, proposal, {
    backTo,
    failure,
    reason: move.reason ?? move.to,
    ...(move.actor === undefined ? {} : { actor: move.actor }),
  });
}

interface Turn {
  backTo: 'failed' | 'simulating';
  failure: StoredFailure | null;
  reason: string;
  actor?: string;
}

/** executing -> compensating. */
export function turnBack<P extends ProposalRow>(tx: Tx, proposal: P, { backTo, failure, reason, actor }: Turn): P {
  // The code alone: words may be what a person wrote, which in the log and in events nobody could erase.
  const facts = { backTo, ...(failure === null ? {} : { because: failure.faults?.[0]?.code ?? failure.code }) };
  const move: Move = { to: 'compensating', reason, facts, ...(actor === undefined ? {} : { actor }) };
  return through(tx, proposal, move, (next) => `exequatur.turn_back($4::text::uuid, $${next}, $${next + 1}::jsonb)`, [
    backTo,
    failure === null ? null : JSON.stringify(failure),
  ]);
}

/** compensating -> failed or simulating. */
export function endSaga<P extends ProposalRow>(tx: Tx, proposal: P, saga: SagaRow): P {
  // What an operator left in the world would be done a second time by another run of the plan.
  const isLeft = saga.edits === 'skipped' || saga.steps.some(({ state }) => state === 'skipped');
  const to = isLeft ? 'failed' : (saga.backTo ?? 'failed');
  const move: Move = {
    to,
    ...(to === 'failed' ? { failure: failureOfSaga(saga) } : {}),
    ...(to === 'simulating' ? { reason: 'undone' } : {}),
  };
  return through(tx, proposal, move, () => 'exequatur.end_saga($4::text::uuid)', []);
}

/** Why a saga failed. One that would have been simulated again fails where an operator left something of it. */
export function failureOfSaga({ failure }: SagaRow): StoredFailure {
  return failure ?? executionFailed('left_by_operator', 'an operator left something of it as it is');
}

/** compensating -> needs_attention. */
export function needAttention<P extends ProposalRow>(tx: Tx, proposal: P, asked: Attention | null): P {
  if (asked === null) throw new Error('nobody is to be asked about a saga that goes on by itself');
  const move: Move = { to: 'needs_attention', facts: { step: asked.step, problem: asked.why } };
  return through(tx, proposal, move, () => 'exequatur.need_attention($4::text::uuid)', []);
}

export function executionFailed(code: string, message: string): StoredFailure {
  return { code: 'execution_failed', faults: [{ code, message }] };
}

/** Who cancelled it and why is with the saga and in the log, where it can be erased. */
export const cancelledFailure = executionFailed('cancelled', 'It was cancelled.');
