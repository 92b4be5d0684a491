import { randomUUID } from 'node:crypto';
import type { Actor, Caller } from '../ontology/authority.ts';
import { approvalsCounted } from '../ontology/quorum.ts';
import { type ApprovalFacts, readApprovalFacts } from './approval-facts.ts';
import { askPolicies, refuseByPolicy } from './ask-policies.ts';
import { brokenGlassOf, type GlassFacts } from './glass-facts.ts';
import { announceAndNudge, leaveNudge } from './nudges.ts';
import { policyContextOf } from './policy-facts.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { hasExpired, type LockedProposal, lockProposal } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import { recordDecision, recordRefusal } from './record-decision.ts';
import { type Refusal, refuse } from './refusal.ts';
import { type Settled, settleLocked } from './settle.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface Emergency {
  proposalId: string;
  reason: string;
  /** The plan that was looked at. */
  digest: string;
  by: Caller;
}

/**
 * Lets a plan be executed with fewer approvals than are asked for, where its approval policy provides for that and the tenant's policies allow `override`. Under the
 * proposal's lock, like a review; what it stores counts as long as a review would, and is asked about again at the execution and in the door.
 */
export async function breakGlass(
  tx: Tx,
  emergency: Emergency,
  deps: StoreDeps,
): Promise<{ settled: Settled } | (Refusal & { settled?: Settled })> {
  const { proposalId, digest } = emergency;
  const [proposal, actor, facts, version] = await Promise.all([
    lockProposal(tx, proposalId),
    resolveActor(tx, emergency.by),
    readApprovalFacts(tx, proposalId),
    policyVersionInForce(tx),
  ]);
  if (proposal === null) {
    tx.undo();
    return refuse('not_found');
  }
  const requirement = facts.plan?.requirement ?? null;
  const authority = deps.decide({
    action: 'proposal:break_glass',
    actor,
    proposal: proposalFacts(proposal),
    digest,
    requirement,
    reviews: facts.reviews,
    glass: brokenGlassOf(facts.glass),
  });
  if (proposal.status === 'awaiting_approval' && hasExpired(proposal)) {
    leaveNudge(tx, proposalId);
    return { ...refuse(authority.allowed ? 'not_awaiting_approval' : authority.reason), settled: settleLocked(tx, proposal, facts) };
  }
  const decision = { proposalId, actor: actor.id, action: 'override' as const, revision: proposal.revision, digest: proposal.planDigest };
  if (!authority.allowed) return recordRefusal(tx, decision, refuse(authority.reason));
  const approvals = requirement === null ? 0 : approvalsCounted(requirement, facts.reviews, proposal.behind);
  const by = await askPolicies(tx, deps, {
    actor,
    action: 'override',
    resource: proposal.actionType,
    version,
    context: async ({ goesBy }) => ({ ...(await policyContextOf(tx, proposal, { now: proposal.now, goesBy }, deps)), approvals }),
  });
  if (!by.allowed) return recordRefusal(tx, { ...decision, by }, refuseByPolicy(by));
  recordDecision(tx, { ...decision, outcome: 'allowed', by, details: { approvals } });
  const glass = storeGlass(tx, proposal, { actor, reason: emergency.reason, approvals });
  return { settled: settleLocked(tx, proposal, broken(facts, glass)) };
}

/** The policies have just been asked. */
function broken(facts: ApprovalFacts, glass: GlassFacts): ApprovalFacts {
  return { ...facts, glass, held: false };
}

/** The row, the alarm and the audit entry. What people write stays in the row and in the log, where it can be erased. */
function storeGlass(
  tx: Tx,
  proposal: LockedProposal,
  { actor, reason, approvals }: { actor: Actor; reason: string; approvals: number },
): GlassFacts {
  tx.send(
    `INSERT INTO exequatur.glass (tenant_id, id, proposal_id, revision, digest, broken_by, reason, broken_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3::int, $4, $5, $6, exequatur.clock())`,
    [randomUUID(), proposal.id, proposal.revision, proposal.planDigest, actor.id, reason],
  );
  const type = 'proposal.glass_broken';
  const facts = { revision: proposal.revision, planDigest: proposal.planDigest, approvals };
  const auditEntryId = tx.audit({ type, proposalId: proposal.id, facts, personal: { actor: actor.id, reason } });
  const data = { proposalId: proposal.id, actionType: proposal.actionType, ...facts, brokenBy: actor.id };
  announceAndNudge(tx, { type, proposalId: proposal.id, data, auditEntryId });
  return { by: actor.id, reason, at: proposal.now, counts: true, actor, dueAt: null, overdueAt: null, review: null };
}
