import type pg from 'pg';
import { takeNudges } from './nudges.ts';
import { type Settled, settle } from './settle.ts';
import { withTenant } from './sql.ts';

/** Settles in a transaction of its own: what the workflow does when it is nudged or its timer fires. Null when there is no such proposal. */
export async function settleProposal(pool: pg.Pool, tenant: string, proposalId: string): Promise<Settled | null> {
  return withTenant(pool, tenant, async (tx) => {
    const settled = await settle(tx, proposalId);
    takeNudges(tx, proposalId);
    return settled;
  });
}
