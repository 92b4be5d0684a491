import type { Actor, Authority, AuthorityRequest, ProposalFacts } from '../ontology/authority.ts';
import { eligibleFor } from '../ontology/quorum.ts';
import { settingRoles } from '../ontology/setting-actions.ts';
import { isOnSideOf } from './is-on-side-of.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/**
 * May this principal cast this review? MUST be asked with facts read under the proposal's lock, in the transaction that stores the review. Without `decision` the
 * question is whether a first review would be taken. On somebody's behalf it is their standing that counts, and both must be free to review.
 */
export function decideReview(request: Extract<AuthorityRequest, { action: 'proposal:review' }>): Authority {
  const { actor, proposal, requirement, reviews, onBehalfOf } = request;
  if (actor.kind !== 'user') return refuse('agent_may_not_review');
  // The proposer, the person for whom an agent proposed, and whoever acts for either of them are one person to the gate.
  if (isOnSideOf(proposal.behind, actor) || (onBehalfOf && isOnSideOf(proposal.behind, onBehalfOf))) return refuse('self_review');
  if (!isMember(actor)) return refuse('forbidden');
  if (onBehalfOf && (onBehalfOf.kind !== 'user' || !isMember(onBehalfOf))) return refuse('not_delegated');
  if (proposal.status !== 'awaiting_approval' || requirement === null) return refuse('not_awaiting_approval');
  if (request.digest !== proposal.digest) return refuse('stale_digest');
  if (!mayGovern(actor, proposal) || (onBehalfOf && !mayGovern(onBehalfOf, proposal))) return refuse('not_eligible');
  const reviewer = onBehalfOf ? { ...onBehalfOf, delegate: actor } : actor;
  const eligibility = eligibleFor(
    requirement,
    { reviews, behind: proposal.behind, held: request.held ?? false },
    reviewer,
    request.decision,
  );
  return eligibility.eligible ? permit() : refuse(eligibility.reason);
}

/** What governs is for those with its role alone, whomever an approval policy admits: a tenant may ask for more, and not for less. */
function mayGovern(actor: Actor, { setting }: ProposalFacts): boolean {
  return setting == null || actor.roles.includes(settingRoles[setting]);
}
