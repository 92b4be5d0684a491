import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { mayBecome } from '../ontology/lifecycle.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal take the proposal back? Only its proposer, or the person for whom an agent proposed, and only before the execution begins. */
export function decideWithdraw({ actor, proposal }: Extract<AuthorityRequest, { action: 'proposal:withdraw' }>): Authority {
  if (!isMember(actor)) return refuse('forbidden');
  if (actor.id !== proposal.proposerId && actor.id !== proposal.proposerActsFor) return refuse('not_proposer');
  return mayBecome(proposal.status, 'withdrawn') ? permit() : refuse('not_withdrawable');
}
