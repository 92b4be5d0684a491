import type { LockedProposal } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import { announceStep, type StepEnd } from './announce-step.ts';
import { cancelledFailure, executionFailed, leaveSaga } from './move-saga.ts';
import { readSaga, type SagaHead, type StepRow } from './saga-rows.ts';
import { setStep } from './set-step.ts';

/**
 * Leaves an execution that was cancelled, or, where `stop` names what, switched off. What may have reached the other side has an unknown outcome: nothing more is sent to find out.
 * @returns where the proposal is now, and how the step ended, where its outcome is unknown
 */
export async function stopBetweenSteps(
  tx: Tx,
  proposal: LockedProposal,
  saga: SagaHead,
  step: StepRow,
  stop: string | null,
): Promise<{ moved: LockedProposal; ended?: StepEnd }> {
  const reason = stop === null ? 'cancelled' : 'switched_off';
  const ended = leaveStep(tx, proposal, saga, step, reason);
  const failure = stop === null ? cancelledFailure : executionFailed(reason, `switched off: ${stop}`);
  const actor = stop === null ? saga.cancelled?.by : undefined;
  const move = { to: 'failed' as const, reason, failure, ...(actor === undefined ? {} : { actor }) };
  return { moved: leaveSaga(tx, proposal, move, await readSaga(tx, proposal.id)), ...(ended ? { ended } : {}) };
}

function leaveStep(tx: Tx, proposal: LockedProposal, saga: SagaHead, step: StepRow, reason: string): StepEnd | undefined {
  if (step.state !== 'sending') return undefined;
  // Also one whose probe found nothing: what was sent may still be under way at the other side.
  const inDoubt = step.leasedUntil !== null || step.problem?.inDoubt === true;
  const problem = { ...(step.problem ?? { code: reason, message: 'the execution was stopped' }), inDoubt };
  setStep(tx, proposal.id, saga, step, { state: inDoubt ? 'unknown' : 'waiting', leasedMs: null, problem });
  return inDoubt ? announceStep(tx, proposal, saga, step, { kind: 'do', state: 'unknown', problem }) : undefined;
}
