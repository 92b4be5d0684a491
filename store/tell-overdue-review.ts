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
  const { owed } = facts;
  if (dueMs === null || !owed || Date.parse(proposal.now) < dueMs) return facts;
  tx.send(
    `UPDATE exequatur.glass g SET overdue_at = exequatur.clock()
      WHERE g.proposal_id = $1::uuid AND g.revision = $2::int AND g.digest = $3 AND g.overdue_at IS NULL`,
    [proposal.id, owed.revision, owed.digest],
  );
  const type = 'proposal.emergency_unreviewed';
  const about = { revision: owed.revision, planDigest: owed.digest, dueAt: owed.dueAt };
  const auditEntryId = tx.audit({ type, proposalId: proposal.id, facts: about, personal: { brokenBy: owed.by } });
  const data = { proposalId: proposal.id, actionType: proposal.actionType, ...about, brokenBy: owed.by };
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, 'proposal/' || $4::text, $4::text::uuid, $5::jsonb, exequatur.clock())`,
    [randomUUID(), auditEntryId, type, proposal.id, JSON.stringify(data)],
  );
  return { ...facts, owed: { ...owed, overdueAt: proposal.now } };
}
