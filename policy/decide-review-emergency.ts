import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { admits, compilePrincipalExpression } from '../ontology/cel/principal-expression.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal say afterwards whether the glass was rightly broken? A person whom the policy asks, and neither who broke it nor anybody behind the proposal. */
export function decideReviewEmergency(request: Extract<AuthorityRequest, { action: 'proposal:review_emergency' }>): Authority {
  const { actor, proposal, rule, glass } = request;
  if (actor.kind !== 'user') return refuse('agent_may_not_review');
  if (!isMember(actor)) return refuse('forbidden');
  if (rule === null || glass === null || glass.reviewed || proposal.status !== 'executed') return refuse('no_review_owed');
  const isBehind = proposal.behind.includes(actor.person) || (actor.actsFor !== null && proposal.behind.includes(actor.actsFor));
  if (isBehind || actor.person === glass.person || actor.id === glass.by) return refuse('own_emergency');
  const outcome = compilePrincipalExpression('reviewer', rule.reviewers, '');
  const isAsked = 'expression' in outcome && admits(outcome.expression, 'reviewer', { id: actor.id, kind: actor.kind, roles: actor.roles });
  return isAsked ? permit() : refuse('not_for_emergencies');
}
