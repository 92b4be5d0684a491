import { randomUUID } from 'node:crypto';
import type { ApprovalFacts } from './approval-facts.ts';
import { reviewDueMs } from './glass-facts.ts';
import type { LockedProposal } from './proposal-row.ts';
import type { Tx } from './sql.ts';

/**
 * Tells that the review after an emergency is missing, once it is: one event, one audit entry, and the mark by which a repeat knows. MUST be asked under the
 * proposal's lock, with facts read after it. Returns the facts as they are afterwards.
 */
export function tellOverdueReview(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts): ApprovalFacts {
  const dueMs = reviewDueMs(proposal, facts);
  const { glass } = facts;
  if (dueMs === null || !glass || Date.parse(proposal.now) < dueMs) return facts;
  tx.send(
    `UPDATE exequatur.glass g SET overdue_at = exequatur.clock()
      WHERE g.proposal_id = $1::uuid AND g.revision = $2::int AND g.digest = $3 AND g.overdue_at IS NULL`,
    [proposal.id, proposal.revision, proposal.planDigest],
  );
  const type = 'proposal.emergency_unreviewed';
  const about = { revision: proposal.revision, planDigest: proposal.planDigest, dueAt: glass.dueAt };
  const auditEntryId = tx.audit({ type, proposalId: proposal.id, facts: about, personal: { brokenBy: glass.by } });
  const data = { proposalId: proposal.id, actionType: proposal.actionType, ...about, brokenBy: glass.by };
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, 'proposal/' || $4::text, $4::text::uuid, $5::jsonb, exequatur.clock())`,
    [randomUUID(), auditEntryId, type, proposal.id, JSON.stringify(data)],
  );
  return { ...facts, glass: { ...glass, overdueAt: proposal.now } };
}
