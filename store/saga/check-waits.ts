import type { Tx } from '../sql.ts';
import type { SagaRow, StepRow } from './saga-rows.ts';
import { setDue } from './set-step.ts';

/** How long a check still waits for its time; 0 where nothing waits. Never longer than it was given, whatever the clock of the database was set back to. */
export function waitLeftMs(step: StepRow | undefined, now: string): number {
  if (step?.phase !== 'check' || step.dueAt === null || step.dueAt <= now) return 0;
  return Math.min(Date.parse(step.dueAt) - Date.parse(now), givenMs(step));
}

/**
 * A check that began to wait at a time that is yet to come waits by a clock that was set back since: it waits anew from now, so at most twice its time, instead of until the clock has caught up.
 * @returns whether it does
 */
export function waitAnew(tx: Tx, proposalId: string, saga: SagaRow, step: StepRow): boolean {
  if (waitLeftMs(step, saga.now) === 0 || step.changedAt <= saga.now) return false;
  setDue(tx, proposalId, saga, step, givenMs(step));
  return true;
}

/** A check that waits was last changed when it began to. */
function givenMs({ dueAt, changedAt }: StepRow): number {
  return Date.parse(dueAt ?? changedAt) - Date.parse(changedAt);
}
