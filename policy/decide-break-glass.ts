import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { glassHolds, isApprovedEnough, mayBreakGlass } from '../ontology/broken-glass.ts';
import { isOnSideOf } from './is-on-side-of.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/**
 * May this principal have this plan executed with fewer approvals than are asked for? MUST be asked with facts read under the proposal's lock, in the transaction that
 * stores it. Only where the approval policy under which the plan was made provides for it.
 */
export function decideBreakGlass(request: Extract<AuthorityRequest, { action: 'proposal:break_glass' }>): Authority {
  const { actor, proposal, requirement, reviews, glass } = request;
  const rule = requirement?.breakGlass;
  if (!isMember(actor)) return refuse('forbidden');
  if (requirement === null || rule === undefined) return refuse('no_emergency');
  if (!mayBreakGlass(rule, actor, [])) return refuse('not_for_emergencies');
  if (rule.byProposer !== true && isOnSideOf(proposal.behind, actor)) return refuse('own_emergency');
  const isHeld = proposal.status === 'scheduled' && rule.passesFreezeWindows === true;
  if (proposal.status !== 'awaiting_approval' && !isHeld) return refuse('not_awaiting_approval');
  if (request.digest !== proposal.digest) return refuse('stale_digest');
  if (!isApprovedEnough(requirement, reviews, { behind: proposal.behind, breaker: actor.person })) return refuse('emergency_unapproved');
  return glassHolds(requirement, glass, reviews, proposal.behind) ? refuse('already_broken') : permit();
}
