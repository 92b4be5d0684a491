import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember, operator } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal throw a switch? A service, such as a monitor, may stop what runs; only people let it go on. Agents do neither. */
export function decidePutSwitch({ actor, off }: Extract<AuthorityRequest, { action: 'switch:put' }>): Authority {
  const mayBe = off ? actor.kind !== 'agent' : actor.kind === 'user';
  return isMember(actor) && mayBe && actor.roles.includes(operator) ? permit() : refuse('forbidden');
}
