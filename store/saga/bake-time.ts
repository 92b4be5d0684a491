import type { PlannedCheck } from '../../ontology/planned-effect.ts';
import type { Tx } from '../sql.ts';
import type { SagaHead, StepProblem, StepRow } from './saga-rows.ts';

/** Sets until when a check is asked again and again, as it is first asked. A repeat finds that set. */
export function beginBake(tx: Tx, proposalId: string, { run }: SagaHead, { ordinal, bakesUntil }: StepRow, { bakeMs }: PlannedCheck): void {
  if (bakeMs === undefined || bakesUntil !== null) return;
  tx.send(
    `UPDATE exequatur.saga_step t SET bakes_until = exequatur.clock() + make_interval(secs => $4::double precision / 1000)
      WHERE t.proposal_id = $1::uuid AND t.run = $2::int AND t.ordinal = $3::int`,
    [proposalId, run, ordinal, bakeMs],
  );
}

/** How much of its bake time is left to a check at an instant: 0 or less where it is over, or there is none. Never more than all of it, whatever the clock of the database was set back to. */
export function bakeLeftMs({ bakesUntil }: StepRow, { bakeMs = 0 }: PlannedCheck, at: string): number {
  return bakesUntil === null ? bakeMs : Math.min(bakeMs, Date.parse(bakesUntil) - Date.parse(at));
}

/** An asking is over, and the bake time is not: the check waits for the next one, which is the last at its end. `problem`: why nobody answered, where that is so. */
export function askLater(
  tx: Tx,
  proposalId: string,
  saga: SagaHead,
  step: StepRow,
  check: PlannedCheck,
  problem: StepProblem | null,
): void {
  const { bakeMs = 0, everyMs = bakeMs } = check;
  tx.send(
    `UPDATE exequatur.saga_step t
        SET state = 'waiting', leased_until = NULL, problem = $4::jsonb, earlier_attempts = t.attempts, changed_at = c.now, due_at = c.now + make_interval(secs => $5::double precision / 1000),
            bakes_until = least(t.bakes_until, c.now + make_interval(secs => $6::double precision / 1000))
       FROM (SELECT exequatur.clock() AS now) c
      WHERE t.proposal_id = $1::uuid AND t.run = $2::int AND t.ordinal = $3::int`,
    [
      proposalId,
      saga.run,
      step.ordinal,
      problem === null ? null : JSON.stringify(problem),
      Math.min(everyMs, bakeLeftMs(step, check, saga.now)),
      bakeMs,
    ],
  );
}
