import type pg from 'pg';
import { readApprovalFacts } from './approval-facts.ts';
import { lockProposal, type StoredFailure } from './proposal-row.ts';
import { type Settled, settleLocked } from './settle.ts';
import { withTenant } from './sql.ts';
import { transition } from './transition.ts';

/** Ends a proposal whose simulation cannot be computed, after every attempt was used. A proposal that has moved on meanwhile is left as it is. */
export async function failProposal(pool: pg.Pool, tenant: string, proposalId: string, failure: StoredFailure): Promise<Settled | null> {
  return withTenant(pool, tenant, async (tx) => {
    const locked = await lockProposal(tx, proposalId);
    if (locked === null) return null;
    const proposal = locked.status === 'simulating' ? transition(tx, locked, { to: 'failed', failure }) : locked;
    return settleLocked(tx, proposal, await readApprovalFacts(tx, proposal.id));
  });
}
