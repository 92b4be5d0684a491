import { proposalView } from '../store/proposal-view.ts';
import { readProposalRecord } from '../store/read-proposal.ts';
import { type Refusal, refuse } from '../store/refusal.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import { type PresentedProposal, presentProposal } from './present-proposal.ts';

/** A proposal as the caller sees it now. */
export function viewProposal(proposalId: string, caller: AuthenticatedCaller, context: ApiContext): Promise<PresentedProposal | Refusal> {
  return context.glanceAs(
    caller,
    (sql) => readProposalRecord(sql, proposalId),
    (record, actor, mask) =>
      record === null ? refuse('not_found') : presentProposal(proposalView(record, actor, context.resources.deps.decide), mask, context),
  );
}
