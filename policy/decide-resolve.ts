import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isOnSideOf } from './is-on-side-of.ts';
import { isMember, operator } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal say how an execution goes on that cannot be undone by itself? People who are operators, and no one behind the proposal: the outcome is theirs to gain. */
export function decideResolve({ actor, proposal }: Extract<AuthorityRequest, { action: 'proposal:resolve' }>): Authority {
  if (!isMember(actor) || actor.kind !== 'user' || !actor.roles.includes(operator)) return refuse('forbidden');
  if (proposal.status !== 'needs_attention') return refuse('not_resolvable');
  return isOnSideOf(proposal.behind, actor) ? refuse('own_execution') : permit();
}
