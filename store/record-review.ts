import { randomUUID } from 'node:crypto';
import type { Actor, Caller, ReviewDecision, ReviewFact } from '../ontology/authority.ts';
import type { JsonValue } from '../ontology/json.ts';
import { settleQuorum } from '../ontology/quorum.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { type ApprovalFacts, readApprovalFacts } from './approval-facts.ts';
import { askCriteriaAgain } from './ask-criteria-again.ts';
import { type Determination, refuseByPolicy } from './ask-policies.ts';
import { definitionsHold } from './definitions-in-force.ts';
import { readDelegates, type Standing } from './delegations.ts';
import { askPoliciesOnReview, mayReview } from './may-review.ts';
import { announceAndNudge, leaveNudge } from './nudges.ts';
import { policyVersion } from './policy-sets.ts';
import { type LockedProposal, lockProposal } from './proposal-row.ts';
import type { ReviewView } from './proposal-view.ts';
import { recordDecision, recordRefusal } from './record-decision.ts';
import { type Refusal, refuse } from './refusal.ts';
import { type Settled, settleLocked } from './settle.ts';
import type { PrismaTx, Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { type Move, transition } from './transition.ts';

export interface NewReview {
  proposalId: string;
  decision: ReviewDecision;
  reason?: string;
  comments?: JsonValue;
  /** The plan the reviewer saw. */
  digest: string;
  reviewer: Caller;
  /** Whose reviewing it is, where a delegation lets the reviewer give it. */
  onBehalfOf?: string;
}

export interface RecordedReview {
  review: ReviewView;
  settled: Settled;
}

/** A refusal that found the proposal at a turn: `settled` is what it became, and the workflow is to be nudged. */
export type ReviewRefusal = Refusal & { settled?: Settled };

/**
 * Stores a review and settles the proposal in the same transaction. Locks the proposal's row first, so that reviews, withdrawals and expiry of one proposal happen
 * one after another, and each caller learns what came of it. The order of questions: has its time run out, may this reviewer, is the plan still true.
 * An approval of a plan that is no longer true stores no review; it sends the proposal back to simulation.
 */
export async function recordReview(tx: PrismaTx, review: NewReview, deps: StoreDeps): Promise<RecordedReview | ReviewRefusal> {
  if (review.decision === 'request_changes' && !isExplained(review)) return undone(tx, refuse('unexplained_changes'));
  const { onBehalfOf } = review;
  const [proposal, actor, facts, { version, moved }, delegations] = await Promise.all([
    lockProposal(tx, review.proposalId),
    resolveActor(tx, review.reviewer),
    readApprovalFacts(tx, review.proposalId),
    readForReview(tx, review),
    onBehalfOf === undefined ? [] : readDelegates(tx, review.proposalId, { delegator: onBehalfOf, delegate: review.reviewer.id }),
  ]);
  if (proposal === null) return undone(tx, refuse('not_found'));
  const settledFirst = proposal.status === 'awaiting_approval' ? settleLocked(tx, proposal, facts) : undefined;
  const status = settledFirst?.status ?? proposal.status;
  const { authority, standing } = mayReview(deps, review, { proposal: { ...proposal, status }, actor, facts, delegations });
  if (settledFirst && status !== 'awaiting_approval') {
    leaveNudge(tx, proposal.id);
    return { ...refuse(authority.allowed ? 'not_awaiting_approval' : authority.reason), settled: settledFirst };
  }
  if (!authority.allowed) return recordRefusal(tx, decisionOf(proposal, review, actor), refuse(authority.reason));
  const by = await askPoliciesOnReview(tx, deps, review, { proposal, actor, standing, version });
  if (!by.allowed) return recordRefusal(tx, { ...decisionOf(proposal, review, actor), by }, refuseByPolicy(by));
  if (review.decision === 'request_changes' && proposal.revertOf !== null) return undone(tx, refuse('not_revisable'));
  if (review.decision === 'approve' && (moved || (await haveCriteriaLapsed(tx, proposal, deps)))) {
    const settled = settleLocked(tx, transition(tx, proposal, { to: 'simulating', reason: 'stale_plan' }), facts);
    leaveNudge(tx, proposal.id);
    return { ...refuse('stale_plan'), settled };
  }
  return storeReview(tx, proposal, review, { actor, standing, by }, facts);
}

function decisionOf(proposal: LockedProposal, review: NewReview, actor: Actor) {
  const { id: proposalId, revision, planDigest: digest } = proposal;
  const details = { decision: review.decision, ...(review.onBehalfOf === undefined ? {} : { onBehalfOf: review.onBehalfOf }) };
  return { proposalId, actor: actor.id, action: 'review' as const, revision, digest, details };
}

async function storeReview(
  tx: PrismaTx,
  proposal: LockedProposal,
  review: NewReview,
  { actor, standing, by }: { actor: Actor; standing: Standing | undefined; by: Determination },
  facts: ApprovalFacts,
): Promise<RecordedReview> {
  const stage = facts.plan === null ? undefined : settleQuorum(facts.plan.requirement, facts.reviews, proposal.behind).openStage;
  // Every stage may be full and the door still ask for more: then nothing is open, and a review is of the plan as a whole.
  const view: ReviewView = {
    id: randomUUID(),
    reviewer: { id: actor.id, kind: actor.kind },
    onBehalfOf: standing?.delegator.id ?? null,
    decision: review.decision,
    reason: review.reason ?? null,
    comments: review.comments ?? null,
    revision: proposal.revision,
    digest: review.digest,
    stage: stage ?? '',
    counts: true,
    createdAt: proposal.now,
  };
  await tx.prisma.review.create({
    select: { id: true },
    data: {
      tenantId: tx.tenant,
      id: view.id,
      proposalId: proposal.id,
      revision: view.revision,
      digest: view.digest,
      decision: view.decision,
      reason: view.reason,
      ...(review.comments === undefined || review.comments === null ? {} : { comments: review.comments }),
      reviewerId: actor.id,
      reviewerKind: actor.kind,
      reviewerRoles: [...actor.roles],
      ...(standing ? { onBehalfOf: standing.delegator.id, delegationId: standing.delegationId } : {}),
      stage: view.stage,
      createdAt: new Date(proposal.now),
    },
  });
  announceReview(tx, proposal, view, standing?.delegationId);
  recordDecision(tx, { ...decisionOf(proposal, review, actor), outcome: 'allowed', by });
  const whose = standing?.delegator ?? actor;
  const mine: ReviewFact = {
    id: view.id,
    reviewerId: whose.id,
    decision: review.decision,
    at: proposal.now,
    roles: whose.roles,
    kind: whose.kind,
    disabled: whose.disabled || actor.disabled,
    person: whose.person,
    teams: whose.teams,
    allRoles: whose.allRoles ?? null,
    ...(standing ? { delegate: { id: actor.id, kind: actor.kind, person: actor.person } } : {}),
  };
  const isEarlierOfMine = (other: ReviewFact) => other.reviewerId === mine.reviewerId && other.delegate?.id === mine.delegate?.id;
  // One who was asked and wants changes is enough: nobody shall approve meanwhile what is about to change.
  const moved = review.decision === 'request_changes' ? transition(tx, proposal, changesRequested(actor, review)) : proposal;
  const settled = settleLocked(tx, moved, {
    ...facts,
    held: false, // The policies have not been asked about what this review makes of it.
    reviews: [...facts.reviews.filter((other) => !isEarlierOfMine(other)), mine],
  });
  return { review: view, settled };
}

function changesRequested(actor: Actor, { reason }: NewReview): Move {
  return { to: 'changes_requested', actor: actor.id, ...(reason === undefined ? {} : { reason }) };
}

/** Whoever is to revise must learn what is wanted. */
function isExplained({ reason, comments }: NewReview): boolean {
  return reason !== undefined || (Array.isArray(comments) && comments.length > 0);
}

function announceReview(tx: Tx, proposal: LockedProposal, review: ReviewView, delegationId: string | undefined): void {
  const auditEntryId = tx.audit({
    type: 'review.recorded',
    proposalId: proposal.id,
    facts: { reviewId: review.id, decision: review.decision, revision: review.revision, planDigest: review.digest, stage: review.stage },
    personal: {
      reviewer: review.reviewer.id,
      onBehalfOf: review.onBehalfOf ?? undefined,
      delegationId,
      reason: review.reason ?? undefined,
      comments: review.comments ?? undefined,
    },
  });
  const data = {
    proposalId: proposal.id,
    reviewId: review.id,
    decision: review.decision,
    revision: review.revision,
    planDigest: review.digest,
  };
  announceAndNudge(tx, { type: 'review.recorded', proposalId: proposal.id, data, auditEntryId });
}

/**
 * Which policies are in force; and of an approval whether what the plan read, or the definitions it was made from, are no longer so. Plain reads, no locks: what moves a moment
 * later is caught by the door.
 */
async function readForReview(tx: Tx, { proposalId, decision }: NewReview): Promise<{ version: number; moved: boolean }> {
  const [row] = await tx.rows<{ version: number; fresh: boolean | null }>(
    `SELECT ${policyVersion} AS version,
            CASE WHEN $2::boolean THEN NOT EXISTS (SELECT 1 FROM exequatur.stale_reads(p.plan_id, 1)) AND ${definitionsHold} ELSE true END AS fresh
       FROM exequatur.proposal p WHERE p.id = $1::uuid`,
    [proposalId, decision === 'approve'],
  );
  return { version: row?.version ?? 0, moved: row?.fresh !== true };
}

/** The same of time that passes, which is asked once more before the execution. */
async function haveCriteriaLapsed(tx: Tx, proposal: LockedProposal, deps: Pick<StoreDeps, 'ontologies'>): Promise<boolean> {
  return settingOf(proposal.actionType) === null && (await askCriteriaAgain(tx, proposal, proposal.now, deps)).length > 0;
}

function undone<R>(tx: Tx, refusal: R): R {
  tx.undo();
  return refusal;
}
