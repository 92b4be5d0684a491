import type { JsonObject } from '../../ontology/json.ts';
import type { Tx } from '../sql.ts';
import type { SagaHead, StepRow } from './saga-rows.ts';
import type { StepRef } from './start-attempt.ts';

export interface Change {
  state: StepRow['state'];
  counts?: StepRef['kind'];
  /** How long somebody waits for the answer from now on; null where no answer is outstanding. */
  leasedMs: number | null;
  /** How long whoever makes the attempt is taken to be alive, unless it says so again. */
  heldMs?: number;
  /** The last attempt does not count. */
  discounted?: boolean;
  /** Null forgets it; what is on record stays where this is left out. */
  problem?: StepRow['problem'];
  slots?: JsonObject;
}

/** Writes what is on record of a step. */
export function setStep(
  tx: Tx,
  proposalId: string,
  { run }: SagaHead,
  { ordinal }: StepRow,
  { state, counts, leasedMs, heldMs, discounted, problem, slots }: Change,
): void {
  tx.send(
    `UPDATE exequatur.saga_step t
        SET state = $4, attempts = t.attempts + $5::int, undo_attempts = t.undo_attempts + $6::int, problem = CASE WHEN $10 THEN $8::jsonb ELSE t.problem END, slots = coalesce($9::jsonb, t.slots), changed_at = exequatur.clock(),
            leased_until = exequatur.clock() + make_interval(secs => $7::double precision / 1000), held_until = exequatur.clock() + make_interval(secs => $11::double precision / 1000),
            earlier_attempts = t.earlier_attempts + $12::int
      WHERE t.proposal_id = $1::uuid AND t.run = $2::int AND t.ordinal = $3::int`,
    [
      proposalId,
      run,
      ordinal,
      state,
      counts === 'do' ? 1 : 0,
      counts === 'undo' ? 1 : 0,
      leasedMs,
      problem ? JSON.stringify(problem) : null,
      slots === undefined ? null : JSON.stringify(slots),
      problem !== undefined,
      heldMs ?? null,
      discounted ? 1 : 0,
    ],
  );
}

/** A check waits from the moment when everything before it is done. */
export function setDue(tx: Tx, proposalId: string, { run }: SagaHead, { ordinal }: StepRow, afterMs: number): void {
  tx.send(
    `UPDATE exequatur.saga_step t SET due_at = exequatur.clock() + make_interval(secs => $4::double precision / 1000), changed_at = exequatur.clock()
      WHERE t.proposal_id = $1::uuid AND t.run = $2::int AND t.ordinal = $3::int`,
    [proposalId, run, ordinal, afterMs],
  );
}
