import type pg from 'pg';
import { type Settled, settle } from './settle.ts';
import { withTenant } from './sql.ts';

/** Settles in a transaction of its own: what the workflow does when it is nudged or its timer fires. Null when there is no such proposal. */
export async function settleProposal(pool: pg.Pool, tenant: string, proposalId: string): Promise<Settled | null> {
  return withTenant(pool, tenant, (tx) => settle(tx, proposalId));
}
