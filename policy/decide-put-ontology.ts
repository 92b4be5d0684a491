import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember, ontologyAdmin } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal replace the tenant's definitions? Never an agent: definitions say who must approve what agents propose. */
export function decidePutOntology({ actor }: Extract<AuthorityRequest, { action: 'ontology:put' }>): Authority {
  return isMember(actor) && actor.kind !== 'agent' && actor.roles.includes(ontologyAdmin) ? permit() : refuse('forbidden');
}
