import type { Proposed } from '../store/create-proposal.ts';
import { isRefusal, type Refusal } from '../store/refusal.ts';
import { type ApiContext, answered } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import { proposedAnswer } from './present-proposal.ts';
import type { Answer } from './route.ts';
import { viewProposal } from './view-proposal.ts';

/**
 * After a proposal was committed: waits for its simulation and answers with it. From here on nothing can fail the proposal; a crash, or Temporal being away, leaves
 * the nudge, from which the relay starts the workflow.
 */
export async function answerProposed(
  proposed: Proposed | Refusal,
  caller: AuthenticatedCaller,
  context: ApiContext,
): Promise<Answer | Refusal> {
  if (isRefusal(proposed)) return proposed;
  if (proposed.status === 'simulating') await context.awaitSimulation(caller, proposed);
  const view = await viewProposal(proposed.proposalId, caller, context);
  return answered(view, (proposal) => proposedAnswer(proposal, proposed.repeated));
}
