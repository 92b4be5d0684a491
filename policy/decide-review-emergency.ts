import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { admits, compilePrincipalExpression } from '../ontology/cel/principal-expression.ts';
import { isOnSideOf } from './is-on-side-of.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal say afterwards whether the glass was rightly broken? A person whom the policy asks, and neither on the side of who broke it, nor of the proposer, nor of who approved. */
export function decideReviewEmergency(request: Extract<AuthorityRequest, { action: 'proposal:review_emergency' }>): Authority {
  const { actor, proposal, owed } = request;
  if (actor.kind !== 'user') return refuse('agent_may_not_review');
  if (!isMember(actor)) return refuse('forbidden');
  if (owed === null) return refuse('no_review_owed');
  if (isOnSideOf(proposal.behind, actor) || isOnSideOf(owed.behind, actor)) return refuse('own_emergency');
  const outcome = compilePrincipalExpression('reviewer', owed.reviewers, '');
  const isAsked = 'expression' in outcome && admits(outcome.expression, 'reviewer', { id: actor.id, kind: actor.kind, roles: actor.roles });
  return isAsked ? permit() : refuse('not_for_emergencies');
}
