import type pg from 'pg';
import { readApprovalFacts } from './approval-facts.ts';
import { takeNudges } from './nudges.ts';
import { lockProposal } from './proposal-row.ts';
import { sendDuePrompts } from './send-prompts.ts';
import { describe, type Settled, settleLocked } from './settle.ts';
import { withTenant } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';
import { tellOverdueReview } from './tell-overdue-review.ts';

/**
 * Settles in a transaction of its own, and sends the reminders that are due, and word of a review that is overdue: what the workflow does when it is nudged or its timer fires. Null when there is no such
 * proposal.
 */
export async function settleProposal(
  pool: pg.Pool,
  tenant: string,
  proposalId: string,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<Settled | null> {
  return withTenant(pool, tenant, async (tx) => {
    const [proposal, facts] = await Promise.all([lockProposal(tx, proposalId), readApprovalFacts(tx, proposalId)]);
    if (proposal === null) return null;
    takeNudges(tx, proposalId);
    if (proposal.status === 'executed') return describe(proposal, tellOverdueReview(tx, proposal, facts));
    const settled = settleLocked(tx, proposal, facts);
    if (settled.status !== 'awaiting_approval') return settled;
    const after = await sendDuePrompts(tx, proposal, facts, deps);
    return after === facts ? settled : settleLocked(tx, proposal, after); // Whom an escalation adds may have approved already, elsewhere.
  });
}
