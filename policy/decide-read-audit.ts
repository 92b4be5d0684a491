import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { accessAdmin, auditor, isMember, ontologyAdmin } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal take the log with names and reasons away? Auditors and administrators may, agents never. */
export function decideReadAudit({ actor }: Extract<AuthorityRequest, { action: 'audit:read' }>): Authority {
  if (!isMember(actor) || actor.kind === 'agent') return refuse('forbidden');
  return [auditor, ontologyAdmin, accessAdmin].some((role) => actor.roles.includes(role)) ? permit() : refuse('forbidden');
}
