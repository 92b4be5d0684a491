import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { accessAdmin, isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal revoke the delegation? Either of the two may, and an access administrator: it only tightens. Never an agent. */
export function decideDeleteDelegation(request: Extract<AuthorityRequest, { action: 'delegation:delete' }>): Authority {
  const { actor, delegator, delegate } = request;
  if (!isMember(actor) || actor.kind === 'agent') return refuse('forbidden');
  const isOwn = actor.person === delegator.person || actor.person === delegate.person;
  return isOwn || actor.roles.includes(accessAdmin) ? permit() : refuse('forbidden');
}
