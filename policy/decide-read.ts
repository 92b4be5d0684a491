import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal read the tenant's ontology, objects and proposals? Every member may. */
export function decideRead({ actor }: Extract<AuthorityRequest, { action: 'read' }>): Authority {
  return isMember(actor) ? permit() : refuse('forbidden');
}
