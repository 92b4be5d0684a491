import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal let somebody review on the delegator's behalf? People may of themselves; nobody of others, nor of another identity, whose standing is not theirs to hand on. */
export function decidePutDelegation({ actor, delegator }: Extract<AuthorityRequest, { action: 'delegation:put' }>): Authority {
  return actor.kind === 'user' && isMember(actor) && actor.id === delegator.id ? permit() : refuse('forbidden');
}
