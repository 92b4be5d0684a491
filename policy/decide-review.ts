import type { Actor, Authority, AuthorityRequest, ProposalFacts } from '../ontology/authority.ts';
import { eligibleFor } from '../ontology/quorum.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/**
 * May this principal cast this review? MUST be asked with facts read under the proposal's lock, in the transaction that stores the review. Without `decision` the
 * question is whether a first review would be taken. On somebody's behalf it is their standing that counts, and both must be free to review.
 */
export function decideReview(request: Extract<AuthorityRequest, { action: 'proposal:review' }>): Authority {
  const { actor, proposal, requirement, reviews, onBehalfOf } = request;
  if (actor.kind !== 'user') return refuse('agent_may_not_review');
  if (isBehind(actor, proposal) || (onBehalfOf && isBehind(onBehalfOf, proposal))) return refuse('self_review');
  if (!isMember(actor)) return refuse('forbidden');
  if (onBehalfOf && (onBehalfOf.kind !== 'user' || !isMember(onBehalfOf))) return refuse('not_delegated');
  if (proposal.status !== 'awaiting_approval' || requirement === null) return refuse('not_awaiting_approval');
  if (request.digest !== proposal.digest) return refuse('stale_digest');
  const reviewer = onBehalfOf ? { ...onBehalfOf, delegate: actor } : actor;
  const eligibility = eligibleFor(
    requirement,
    { reviews, behind: proposal.behind, held: request.held ?? false },
    reviewer,
    request.decision,
  );
  return eligibility.eligible ? permit() : refuse(eligibility.reason);
}

/** The proposer, the person for whom an agent proposed, and whoever acts for either of them are one person to the gate, under whatever identity; also whoever says so with this very token. */
function isBehind(actor: Actor, { behind }: ProposalFacts): boolean {
  return behind.includes(actor.person) || (actor.actsFor !== null && behind.includes(actor.actsFor));
}
