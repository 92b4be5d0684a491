import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember, ontologyAdmin } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal replace the tenant's policies? Whoever may replace its definitions; never an agent. */
export function decidePutPolicies({ actor }: Extract<AuthorityRequest, { action: 'policies:put' }>): Authority {
  return isMember(actor) && actor.kind !== 'agent' && actor.roles.includes(ontologyAdmin) ? permit() : refuse('forbidden');
}
