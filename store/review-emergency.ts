import type { Caller } from '../ontology/authority.ts';
import { readApprovalFacts } from './approval-facts.ts';
import type { Verdict } from './glass-facts.ts';
import { announceAndNudge } from './nudges.ts';
import { type LockedProposal, lockProposal } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import { recordDecision, recordRefusal } from './record-decision.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface EmergencyReview {
  proposalId: string;
  verdict: Verdict;
  comment: string;
  by: Caller;
}

/** Keeps what another person says of an emergency once its execution has begun, and once. It may come late; that it was late stays on record. */
export async function reviewEmergency(
  tx: Tx,
  { proposalId, verdict, comment, by }: EmergencyReview,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<{ actionType: string } | Refusal> {
  const [proposal, actor, facts] = await Promise.all([
    lockProposal(tx, proposalId),
    resolveActor(tx, by),
    readApprovalFacts(tx, proposalId),
  ]);
  if (proposal === null) {
    tx.undo();
    return refuse('not_found');
  }
  const { owed = null } = facts;
  const authority = deps.decide({
    action: 'proposal:review_emergency',
    actor,
    proposal: proposalFacts(proposal),
    owed,
  });
  const { revision, digest } = owed ?? { revision: proposal.revision, digest: proposal.planDigest };
  const decision = { proposalId, actor: actor.id, action: 'look back' as const, revision, digest };
  if (!authority.allowed) return recordRefusal(tx, decision, refuse(authority.reason));
  recordDecision(tx, { ...decision, outcome: 'allowed', details: { verdict } });
  tx.send(
    `UPDATE exequatur.glass g SET reviewed_by = $4, verdict = $5, comment = $6, reviewed_at = exequatur.clock()
      WHERE g.proposal_id = $1::uuid AND g.revision = $2::int AND g.digest = $3 AND g.reviewed_at IS NULL`,
    [proposalId, revision, digest, actor.id, verdict, comment],
  );
  announceVerdict(
    tx,
    proposal,
    { revision, planDigest: digest, verdict, late: owed !== null && proposal.now >= owed.dueAt },
    { reviewer: actor.id, comment },
  );
  return { actionType: proposal.actionType };
}

function announceVerdict(
  tx: Tx,
  proposal: LockedProposal,
  facts: { revision: number; planDigest: string | null; verdict: Verdict; late: boolean },
  personal: { reviewer: string; comment: string },
): void {
  const type = 'proposal.emergency_reviewed';
  const auditEntryId = tx.audit({ type, proposalId: proposal.id, facts, personal });
  const data = { proposalId: proposal.id, actionType: proposal.actionType, ...facts };
  announceAndNudge(tx, { type, proposalId: proposal.id, data, auditEntryId });
}
