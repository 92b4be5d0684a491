import type { PlannedRequest } from '../../ontology/planned-effect.ts';
import type { LockedProposal } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import type { SagaHead, StepRow } from './saga-rows.ts';
import { setDue, setStep } from './set-step.ts';

export const functionTimeoutMs = 30_000;
/** How long whoever makes an attempt is taken to be alive: it says so again each `renewalMs`, so two of these may fail. */
export const holdMs = 4_000; // Below the heartbeat timeout of `perform`, so that nobody waits for it who has missed the heartbeats.
export const renewalMs = 1_000;
const graceMs = 2_000; // Beyond a request's own time, before it is believed that nobody waits for its answer any more: for what comes before it is sent.

/** How long somebody may wait for the answer to a request, from when it is put on record that it is sent. */
export function leaseOf(request: PlannedRequest): number {
  return (request.kind === 'webhook' ? request.timeoutMs : functionTimeoutMs) + graceMs;
}

/** How long somebody may still wait for the answer to any attempt; 0 where nobody does. A step of unknown outcome is left by its last attempt, which an earlier one may outlive. */
export function leaseLeftMs({ state, leasedUntil }: StepRow, { now }: SagaHead): number {
  if (leasedUntil === null || (state !== 'sending' && state !== 'undoing' && state !== 'unknown')) return 0;
  return Math.max(0, Date.parse(leasedUntil) - Date.parse(now));
}

/** How long whoever makes the attempt may still be alive, as far as anybody knows. */
export function heldLeftMs(step: StepRow, saga: SagaHead): number {
  const leftMs = leaseLeftMs(step, saga);
  return step.heldUntil === null ? leftMs : Math.max(0, Math.min(leftMs, Date.parse(step.heldUntil) - Date.parse(saga.now)));
}

/** More is left than any attempt is given where the database's clock was set back: then it counts from now. */
export function boundLease(tx: Tx, proposal: LockedProposal, saga: SagaHead, step: StepRow, leftMs: number, mostMs: number): number {
  if (leftMs <= mostMs) return leftMs;
  setStep(tx, proposal.id, saga, step, { state: step.state, leasedMs: mostMs });
  return mostMs;
}

/** How long an undo that an operator has tried again waits until nothing that was sent before is at work any more; never longer than `mostMs`, also where the database's clock was set back. */
export function boundDue(tx: Tx, proposalId: string, saga: SagaHead, step: StepRow, mostMs: () => number): number {
  const leftMs = step.dueAt === null ? 0 : Date.parse(step.dueAt) - Date.parse(saga.now);
  if (leftMs <= 0) return 0;
  const most = mostMs();
  if (leftMs > most) setDue(tx, proposalId, saga, step, most);
  return Math.min(leftMs, most);
}
