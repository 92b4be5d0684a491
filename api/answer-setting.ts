import type { ProposalStatus } from '../ontology/lifecycle.ts';
import { type Setting, settingActions } from '../ontology/setting-actions.ts';
import type { ApiContext } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';

/** The proposal that changes a setting, as far as it has come. */
export interface FollowedProposal {
  id: string;
  status: ProposalStatus;
  /** What whoever approves names in `If-Match`. */
  planDigest: string | null;
}

const patienceMs = 5_000; // What tightens needs nobody else, so whoever sent it is told that it is in force.

/** After a change of a setting was proposed: waits for its plan, and where nobody has to approve it for its end. A crash leaves the nudge, from which the relay goes on. */
async function followSetting(
  setting: Setting,
  { proposalId, loosens }: { proposalId: string | null; loosens: readonly unknown[] },
  caller: AuthenticatedCaller,
  context: ApiContext,
): Promise<FollowedProposal | null> {
  if (proposalId === null) return null;
  const follow = { proposalId, actionType: settingActions[setting] };
  const simulated = await context.awaitSimulation(caller, follow);
  // Where the plan is still to come, so is the end; and whoever has to be asked answers later.
  const state =
    loosens.length > 0 || simulated === null ? simulated : await context.until(caller, { proposalId, awaited: 'end', limitMs: patienceMs });
  return { id: proposalId, status: state?.status ?? 'simulating', planDigest: state?.planDigest ?? null };
}

/** 200 once it is in force, 202 while the proposal is under way. */
export async function answerSetting<T extends { proposalId: string | null; loosens: readonly unknown[] }>(
  setting: Setting,
  outcome: T,
  caller: AuthenticatedCaller,
  context: ApiContext,
): Promise<{ status: 200 | 202; body: Omit<T, 'proposalId'> & { proposal: FollowedProposal | null }; headers: Record<string, string> }> {
  const { proposalId: _, ...rest } = outcome;
  const proposal = await followSetting(setting, outcome, caller, context);
  return {
    status: proposal === null || proposal.status === 'executed' ? 200 : 202,
    body: { ...rest, proposal },
    headers: proposal === null ? {} : { location: `/v1/proposals/${proposal.id}` },
  };
}
