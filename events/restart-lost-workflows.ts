import type { ProposalStatus } from '../ontology/lifecycle.ts';
import { type OpenProposal, openProposals } from '../store/relay-work.ts';
import { nudgeSignal, proposalStartOptions, proposalWorkflowId, proposalWorkflowType } from '../workflows/proposal.contract.ts';
import type { RelayDeps } from './redeliver-nudges.ts';
import { startUnlessRunning } from './start-unless-running.ts';

const quietMs = 10_000; // A proposal that moved within this has somebody at it.
const stuckMs = 60_000; // Most steps take less than a second, and one that takes longer does not mind being asked twice.
const enginesTurn: ReadonlySet<ProposalStatus> = new Set(['simulating', 'approved']);
const page = 100;
const atOnce = 10; // Starts under way; Temporal has work of its own.

/**
 * Walks over every open proposal and starts the workflow of each that has none: Temporal's data was lost, or an operator ended it. A running workflow is left
 * alone: the start is refused and changes nothing; unless it is the engine's turn and nothing has come of it for long: then the workflow is told to look again, since a
 * step that was given up for late may have taken a nudge that it never heard of. Returns how many were started, and tells how many need a person's attention.
 */
export async function restartLostWorkflows(deps: RelayDeps & { onAttention?: (proposals: number) => void }): Promise<number> {
  let restarted = 0;
  let attention = 0;
  let after: OpenProposal | undefined;
  for (;;) {
    const proposals = await openProposals(deps.pool, { limit: page, quietMs, ...(after === undefined ? {} : { after }) });
    attention += proposals.filter(({ status }) => status === 'needs_attention').length;
    for (let first = 0; first < proposals.length; first += atOnce) {
      const started = await Promise.all(proposals.slice(first, first + atOnce).map((proposal) => restart(deps, proposal)));
      restarted += started.filter(Boolean).length;
    }
    after = proposals.at(-1);
    if (after === undefined || proposals.length < page) {
      deps.onAttention?.(attention);
      return restarted;
    }
  }
}

async function restart(
  { client, taskQueue, logger }: RelayDeps,
  { tenant, proposalId, actionType, status, quietMs: quiet }: OpenProposal,
): Promise<boolean> {
  const start = { tenantId: tenant, proposalId, actionType };
  const started = await startUnlessRunning(client, proposalWorkflowType, proposalStartOptions(start, taskQueue));
  if (started) logger.warn({ tenant, proposal: proposalId }, 'a workflow was started anew: Temporal did not know it');
  else if (enginesTurn.has(status) && quiet > stuckMs) await client.workflow.getHandle(proposalWorkflowId(proposalId)).signal(nudgeSignal);
  return started;
}
