import type { Tx } from '../sql.ts';
import type { SagaHead, StepRow } from './saga-rows.ts';

/** How long a check still waits for its time; 0 where nothing waits. Never longer than it was given, whatever the clock of the database was set back to. */
export function waitLeftMs(step: StepRow, now: string): number {
  if (step.phase !== 'check' || step.dueAt === null || step.dueAt <= now) return 0;
  return Math.max(0, Math.min(Date.parse(step.dueAt) - Date.parse(now), givenMs(step)));
}

/**
 * A check that began to wait at a time that is yet to come waits by a clock that was set back since: it waits anew from now, so at most twice its time, instead of until the clock
 * has caught up, and its bake time is as long as it was then. So do all that bake beside it, whose turn would else not come.
 * @returns whether it does
 */
export function waitAnew(tx: Tx, proposalId: string, { run, now }: SagaHead, step: StepRow): boolean {
  if (waitLeftMs(step, now) === 0 || step.changedAt <= now) return false;
  const setBack = 'make_interval(secs => extract(epoch FROM t.changed_at - c.now)::double precision)';
  tx.send(
    `UPDATE exequatur.saga_step t SET due_at = t.due_at - ${setBack}, bakes_until = t.bakes_until - ${setBack}, changed_at = c.now
       FROM (SELECT exequatur.clock() AS now) c
      WHERE t.proposal_id = $1::uuid AND t.run = $2::int AND t.phase = 'check' AND t.state IN ('waiting', 'sending') AND t.due_at > t.changed_at AND t.changed_at > c.now`,
    [proposalId, run],
  );
  return true;
}

/** A check that waits was last changed when it began to. */
function givenMs({ dueAt, changedAt }: StepRow): number {
  return Date.parse(dueAt ?? changedAt) - Date.parse(changedAt);
}
