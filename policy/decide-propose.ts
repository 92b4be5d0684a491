import { admitsProposer } from '../ontology/admits-proposer.ts';
import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { mayAct } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal propose the action? Agents may: nothing they propose runs before people, or a policy people wrote, approve it. */
export function decidePropose({ actor, proposers }: Extract<AuthorityRequest, { action: 'proposal:create' }>): Authority {
  if (!mayAct(actor)) return refuse('forbidden');
  return admitsProposer(proposers, actor) ? permit() : refuse('proposer_not_allowed');
}
