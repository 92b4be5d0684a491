import type { JsonObject } from '../ontology/json.ts';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { ResolvedRequirement } from '../ontology/plan.ts';
import { type StageState, settleQuorum } from '../ontology/quorum.ts';
import { type ApprovalFacts, readApprovalFacts } from './approval-facts.ts';
import { isBehindGlass, reviewDueMs } from './glass-facts.ts';
import { nextPrompt } from './next-prompt.ts';
import { hasExpired, type LockedProposal, lockProposal, type StoredFailure } from './proposal-row.ts';
import { recordDecision } from './record-decision.ts';
import type { PromptKind } from './sent-prompts.ts';
import type { Tx } from './sql.ts';
import { transition } from './transition.ts';

/** The state that was committed, as workflow, API and operators act on it. */
export interface Settled {
  proposalId: string;
  status: ProposalStatus;
  actionType: string;
  revision: number;
  digest: string | null;
  expiresAt: string;
  /** How long nothing will happen by itself: until expiry while people are asked, at least a second, so that no loop spins; null where the next step is the engine's. */
  waitMs: number | null;
  /** What happens then, where it is neither the expiry nor a release. */
  waitsFor?: PromptKind | 'review';
  /** Which approvals are missing, in words. */
  missing: string;
  /** What holds it until when, in words; empty where nothing does, or a switch. */
  held: string;
  edits: number | null;
  riskTier: string | null;
  failure: StoredFailure | null;
  /** What is to be done next outside the database, of an execution with effects. */
  next?: { kind: 'do' | 'undo'; ordinal: number; name: string; of?: string; server?: string };
  /** That it is a check in its bake time: until when, and how often it was asked. */
  bakes?: { until: string; asked: number };
  /** What a person is asked, where one is: about which step, and why. */
  attention?: { step: string; why: string };
}

/**
 * A nudge may be taken by a step that the engine has given up on and that commits all the same: nobody hears then of what an operator decided. Whatever else waits has a time of its
 * own, or is looked for by the relay.
 */
const lookAgainMs = 5 * 60_000;
const shortestWaitMs = 1_000; // Clocks of PostgreSQL and Temporal differ; a timer that fires early must not ask again at once.

/**
 * Settles a proposal: locks it, asks the clock, then lets expiry, and after it the votes, decide. Every verdict is reached here or with `settleLocked`.
 * A repeat changes nothing and returns the same. Null when there is no such proposal.
 */
export async function settle(tx: Tx, proposalId: string): Promise<Settled | null> {
  const [proposal, facts] = await Promise.all([lockProposal(tx, proposalId), readApprovalFacts(tx, proposalId)]);
  return proposal === null ? null : settleLocked(tx, proposal, facts);
}

/** The same for a proposal that is locked already; `facts` MUST have been read after the lock. */
export function settleLocked(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts): Settled {
  if (isOpenToExpiry(proposal.status) && hasExpired(proposal)) {
    return describe(transition(tx, proposal, { to: 'expired' }), facts);
  }
  if (proposal.status === 'awaiting_approval' && facts.plan !== null) {
    const { verdict, stages } = settleQuorum(facts.plan.requirement, facts.reviews, proposal.behind);
    if (verdict === 'rejected') {
      recordRejection(tx, proposal, facts.plan.requirement, stages);
      return describe(transition(tx, proposal, { to: 'rejected' }), facts);
    }
    if (facts.held !== true) {
      if (verdict === 'approved')
        return describe(transition(tx, proposal, { to: 'approved', facts: approvedBy(facts.plan.requirement) }), facts);
      if (isBehindGlass(facts, proposal.behind))
        return describe(transition(tx, proposal, { to: 'approved', facts: inEmergency(facts.plan.requirement) }), facts);
    }
  }
  return describe(proposal, facts);
}

/** By which stages a plan is rejected: more said no than its thresholds tolerate. */
function recordRejection(tx: Tx, proposal: LockedProposal, requirement: ResolvedRequirement, stages: readonly StageState[]): void {
  const { id: proposalId, revision, planDigest: digest, proposerId: actor } = proposal;
  const denied = (of: StageState) => Math.max(...of.thresholds.map((threshold) => threshold.denied));
  const rejected = stages.filter(({ status }) => status === 'rejected').map((stage) => ({ name: stage.name, denied: denied(stage) }));
  const by = { version: 0 as const, policies: [requirement.policy], errors: [] as [] };
  const decision = { proposalId, actor, action: 'stage' as const, outcome: 'refused' as const, reason: 'rejected', revision, digest, by };
  recordDecision(tx, { ...decision, details: { rejected } });
}

/** Where nobody was asked, it is on record that policy alone approved, and which. */
function approvedBy(requirement: ResolvedRequirement): JsonObject {
  return { approvedBy: requirement.automatic ? 'policy' : 'people', policy: requirement.policy };
}

function inEmergency({ policy }: ResolvedRequirement): JsonObject {
  return { approvedBy: 'emergency', policy };
}

/** The statuses that time ends. An approved proposal that nobody could execute, a while longer, expires as well. */
function isOpenToExpiry(status: ProposalStatus): boolean {
  return (
    status === 'simulating' ||
    status === 'awaiting_approval' ||
    status === 'changes_requested' ||
    status === 'approved' ||
    status === 'scheduled'
  );
}

function waitingFor(proposal: LockedProposal, facts: ApprovalFacts): Pick<Settled, 'waitMs' | 'waitsFor'> {
  const { status } = proposal;
  if (status === 'awaiting_approval' || status === 'changes_requested' || status === 'scheduled') return waitOf(proposal, facts);
  const review = waitForReview(proposal, facts);
  return status === 'needs_attention' ? { ...review, waitMs: Math.min(review.waitMs ?? lookAgainMs, lookAgainMs) } : review;
}

/** A final state has nothing to wait for but the review that is owed after an emergency. */
function waitForReview(proposal: LockedProposal, facts: ApprovalFacts): Pick<Settled, 'waitMs' | 'waitsFor'> {
  const dueMs = reviewDueMs(proposal, facts);
  return dueMs === null ? { waitMs: null } : { waitMs: Math.max(shortestWaitMs, dueMs - Date.parse(proposal.now)), waitsFor: 'review' };
}

const heldInWords = 'the policies in force ask for more than its stages do';

/** When something happens by itself: its time runs out, or before that it may be released, or reviewers are reminded. */
function waitOf(proposal: LockedProposal, facts: ApprovalFacts): Pick<Settled, 'waitMs' | 'waitsFor'> {
  const { status, expiresAt, heldUntil, now } = proposal;
  const until = (instantMs: number) => Math.max(shortestWaitMs, instantMs - Date.parse(now));
  if (status === 'scheduled' && heldUntil !== null && heldUntil < expiresAt) return { waitMs: until(Date.parse(heldUntil)) };
  const prompt = status === 'awaiting_approval' ? nextPrompt(facts) : null;
  if (prompt !== null && prompt.dueMs < Date.parse(expiresAt)) return { waitMs: until(prompt.dueMs), waitsFor: prompt.kind };
  return { waitMs: until(Date.parse(expiresAt)) };
}

export function describe(proposal: LockedProposal, facts: ApprovalFacts): Settled {
  return {
    proposalId: proposal.id,
    status: proposal.status,
    actionType: proposal.actionType,
    revision: proposal.revision,
    digest: proposal.planDigest,
    expiresAt: proposal.expiresAt,
    ...waitingFor(proposal, facts),
    held: proposal.status === 'scheduled' && proposal.heldUntil !== null ? `${proposal.heldBy} until ${proposal.heldUntil}` : '',
    missing:
      proposal.status === 'awaiting_approval' && facts.plan !== null
        ? settleQuorum(facts.plan.requirement, facts.reviews, proposal.behind).missing || (facts.held ? heldInWords : '')
        : '',
    edits: facts.plan?.edits ?? null,
    riskTier: facts.plan?.riskTier ?? null,
    failure: proposal.failure,
  };
}
