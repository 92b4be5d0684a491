import { proposalActions } from '../store/proposal-actions.ts';
import { proposalView } from '../store/proposal-view.ts';
import { readProposalRecord } from '../store/read-proposal.ts';
import { type Refusal, refuse } from '../store/refusal.ts';
import { type Tx, withTenant } from '../store/sql.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import { type PresentedProposal, presentProposal } from './present-proposal.ts';

/** A proposal as the caller sees it now. */
export function viewProposal(proposalId: string, caller: AuthenticatedCaller, context: ApiContext): Promise<PresentedProposal | Refusal> {
  const { deps, pool } = context.resources;
  return context.glanceAs(
    caller,
    (sql) => readProposalRecord(sql, proposalId),
    async (record, viewer, mask, { policyVersion, tx }) => {
      if (record === null) return refuse('not_found');
      const within = <T>(work: (asked: Tx) => Promise<T>) => (tx === undefined ? withTenant(pool, caller.tenant, work) : work(tx));
      const actions = await proposalActions({ record, viewer, policyVersion }, deps, within);
      return presentProposal(proposalView(record, actions), mask, context);
    },
    proposalId,
  );
}
