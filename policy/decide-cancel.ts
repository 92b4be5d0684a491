import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { isMember, operator } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal have an execution that is under way stopped and undone? Whoever proposed it, or the person for whom an agent did, and operators; of these not agents. */
export function decideCancel({ actor, proposal, underWay }: Extract<AuthorityRequest, { action: 'proposal:cancel' }>): Authority {
  if (!isMember(actor)) return refuse('forbidden');
  const isProposers = actor.id === proposal.proposerId || actor.id === proposal.proposerActsFor;
  const isOperator = actor.kind !== 'agent' && actor.roles.includes(operator);
  if (!isProposers && !isOperator) return refuse('not_proposer');
  return underWay ? permit() : refuse('not_cancellable');
}
