import type pg from 'pg';
import { lockProposal } from '../proposal-row.ts';
import { withTenant } from '../sql.ts';
import { holdMs } from './leases.ts';
import type { Attempt } from './start-attempt.ts';

/**
 * Says that whoever makes an attempt is alive. Under the lock of the proposal, so that it comes before or after another attempt begins, and never between what that looks at and
 * what it writes.
 * @returns false where the attempt was overtaken, or has come to its end
 */
export function renewHold(pool: pg.Pool, { tenant, proposalId, run, ordinal, kind, number }: Attempt): Promise<boolean> {
  return withTenant(pool, tenant, async (tx) => {
    const [, renewed] = await Promise.all([
      lockProposal(tx, proposalId),
      tx.rows(
        `UPDATE exequatur.saga_step t SET held_until = exequatur.clock() + make_interval(secs => $4::double precision / 1000)
          WHERE t.proposal_id = $1::uuid AND t.run = $2::int AND t.ordinal = $3::int
            AND CASE $5 WHEN 'do' THEN t.state = 'sending' AND t.attempts = $6::int ELSE t.state = 'undoing' AND t.undo_attempts = $6::int END
         RETURNING 1`,
        [proposalId, run, ordinal, holdMs, kind, number],
      ),
    ]);
    return renewed.length > 0;
  });
}
