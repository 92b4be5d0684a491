import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal let somebody review on the delegator's behalf? People may of themselves, under whatever identity; nobody of others. */
export function decidePutDelegation({ actor, delegator }: Extract<AuthorityRequest, { action: 'delegation:put' }>): Authority {
  return actor.kind === 'user' && isMember(actor) && actor.person === delegator.person ? permit() : refuse('forbidden');
}
