import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember, mayAct, operator } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/**
 * May this principal pause a schedule, let it run again, run it at once, or delete it? Its owner may, and whoever the owner acts for; operators may as well, and what somebody else has paused
 * they alone let go on. Agents change their own alone.
 */
export function decideChangeSchedule({ actor, schedule, change }: Extract<AuthorityRequest, { action: 'schedule:change' }>): Authority {
  const isOperator = actor.kind === 'user' && isMember(actor) && actor.roles.includes(operator);
  if (isOperator) return permit();
  const isOwn = mayAct(actor) && (schedule.ownerId === actor.id || schedule.ownerActsFor === actor.id);
  const isTheirsToResume = change !== 'resume' || schedule.changedBy === schedule.ownerId || schedule.changedBy === actor.id;
  return isOwn && isTheirsToResume ? permit() : refuse('forbidden');
}
