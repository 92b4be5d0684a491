import { admitsProposer } from '../ontology/admits-proposer.ts';
import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { mayAct } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/**
 * May this principal propose to take an executed proposal back? Whoever may act, where people must approve it, as they did the original; where policy alone
 * would approve it, only those whom the action type admits as its proposers.
 */
export function decideRevert(request: Extract<AuthorityRequest, { action: 'proposal:revert' }>): Authority {
  const { actor, proposal, revertible, reverted, revertOpen, tooLate, proposers, automatic } = request;
  if (!mayAct(actor)) return refuse('forbidden');
  if (proposal.status !== 'executed' || !revertible) return refuse('not_revertible');
  if (reverted) return refuse('already_reverted');
  if (revertOpen) return refuse('revert_open');
  if (tooLate) return refuse('revert_too_late');
  return automatic && !admitsProposer(proposers, actor) ? refuse('proposer_not_allowed') : permit();
}
