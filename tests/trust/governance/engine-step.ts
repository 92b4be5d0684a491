import type pg from 'pg';
import { executeProposal } from '../../../store/execute-proposal.ts';
import { settleProposal } from '../../../store/settle-proposal.ts';
import { simulateProposal } from '../../../store/simulate-proposal.ts';
import type { StoreDeps } from '../../../store/store-deps.ts';

export interface EngineStep {
  tenant: string;
  proposalId: string;
  /** Where the proposal stood when the engine last heard of it. */
  status: string;
}

/** What the workflow does next of a proposal in this state. */
export async function runStep(pool: pg.Pool, { tenant, proposalId, status }: EngineStep, deps: StoreDeps): Promise<void> {
  if (status === 'simulating') await simulateProposal(pool, tenant, proposalId, deps);
  else if (status === 'approved' || status === 'scheduled') await executeProposal(pool, tenant, proposalId, deps);
  else await settleProposal(pool, tenant, proposalId, deps);
}
