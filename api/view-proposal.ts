import { type ProposalView, proposalView } from '../store/proposal-view.ts';
import { readProposalRecord } from '../store/read-proposal.ts';
import { type Refusal, refuse } from '../store/refusal.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';

/** A proposal as the caller sees it now. */
export function viewProposal(proposalId: string, caller: AuthenticatedCaller, context: ApiContext): Promise<ProposalView | Refusal> {
  return context.glanceAs(
    caller,
    (sql) => readProposalRecord(sql, proposalId),
    (record, actor) => (record === null ? refuse('not_found') : proposalView(record, actor, context.resources.deps.decide)),
  );
}
