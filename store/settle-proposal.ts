import type pg from 'pg';
import { isFinal } from '../ontology/lifecycle.ts';
import { readApprovalFacts } from './approval-facts.ts';
import { takeNudges } from './nudges.ts';
import { type LockedProposal, lockProposal } from './proposal-row.ts';
import { describeSaga } from './saga/describe-saga.ts';
import { readSaga } from './saga/saga-rows.ts';
import { dueToName, type NamedReviewers, nameReviewers, sendDuePrompts } from './send-prompts.ts';
import { describe, type Settled, settleLocked } from './settle.ts';
import { type Tx, withTenant } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';
import { tellOverdueReview } from './tell-overdue-review.ts';

/** Times that the plan may become another while the directory is looked through; then a prompt names nobody, and says that somebody is left out. */
const mostLooks = 3;

/**
 * Settles in a transaction of its own, and sends the reminders that are due, and word of a review that is overdue: what the workflow does when it is nudged or its timer
 * fires. Whom a reminder names is found out between two such transactions, so that nobody's review waits for it. Null when there is no such proposal.
 */
export async function settleProposal(pool: pg.Pool, tenant: string, proposalId: string, deps: StoreDeps): Promise<Settled | null> {
  let named: NamedReviewers | null = null;
  for (let looks = 0; ; looks++) {
    const settled: Settled | null | ToName = await withTenant(pool, tenant, (tx) => settleOnce(tx, proposalId, named, looks === mostLooks));
    if (settled === null || !('toName' in settled)) return settled;
    const { toName, escalated } = settled;
    named = await withTenant(pool, tenant, (tx) => nameReviewers(tx, toName, escalated, deps));
  }
}

/** Something is due that names reviewers of this plan. */
interface ToName {
  toName: LockedProposal;
  escalated: boolean;
}

async function settleOnce(tx: Tx, proposalId: string, named: NamedReviewers | null, isLast: boolean): Promise<Settled | null | ToName> {
  const [proposal, facts] = await Promise.all([lockProposal(tx, proposalId), readApprovalFacts(tx, proposalId)]);
  if (proposal === null) return null;
  takeNudges(tx, proposalId);
  if (isFinal(proposal.status) || proposal.status === 'needs_attention') {
    const told = tellOverdueReview(tx, proposal, facts);
    const saga = proposal.status === 'needs_attention' ? await readSaga(tx, proposalId) : null;
    return saga === null ? describe(proposal, told) : describeSaga(proposal, told, saga);
  }
  const settled = settleLocked(tx, proposal, facts);
  const due = settled.status === 'awaiting_approval' ? dueToName(proposal, facts) : null;
  if (due === null) return settled;
  const { revision, planDigest: digest } = proposal;
  const isOfPlan = named?.revision === revision && named.digest === digest && named.escalated === due.escalated;
  if (named === null || (!isOfPlan && !isLast)) return { toName: proposal, ...due };
  const nobody = { revision, digest, ...due, reviewers: [], truncated: true };
  const after = sendDuePrompts(tx, proposal, facts, isOfPlan ? named : nobody);
  return settleLocked(tx, proposal, after); // Whom an escalation adds may have approved already, elsewhere.
}
