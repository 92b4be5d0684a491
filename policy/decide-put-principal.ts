import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { accessAdmin, isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal change what the directory says of another? Never of themselves, under whatever identity: that would be to approve one's own roles. */
export function decidePutPrincipal({ actor, subject }: Extract<AuthorityRequest, { action: 'principal:put' }>): Authority {
  if (!isMember(actor) || actor.kind === 'agent' || !actor.roles.includes(accessAdmin)) return refuse('forbidden');
  return actor.id === subject.id || actor.person === subject.person ? refuse('self_administration') : permit();
}
