import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { mayAct } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal revise the proposal? Its proposer, or the person for whom an agent proposed, once a reviewer has asked for changes. A revert has nothing to revise. */
export function decideRevise({ actor, proposal, isRevert }: Extract<AuthorityRequest, { action: 'proposal:revise' }>): Authority {
  if (!mayAct(actor)) return refuse('forbidden');
  if (actor.id !== proposal.proposerId && actor.id !== proposal.proposerActsFor) return refuse('not_proposer');
  return proposal.status === 'changes_requested' && !isRevert ? permit() : refuse('not_revisable');
}
