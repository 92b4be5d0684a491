import type { Actor } from '../ontology/authority.ts';
import type { ResolvedRequirement } from '../ontology/plan.ts';
import { answered, type PolicyPrincipal } from '../ontology/policy-engine.ts';
import { approvalsCounted } from '../ontology/quorum.ts';
import type { ApprovalFacts } from './approval-facts.ts';
import { askPolicies, bothOf, type Determination } from './ask-policies.ts';
import { heldContextOf, policyQuestion, withFacts } from './policy-facts.ts';
import type { LockedProposal } from './proposal-row.ts';
import { recordDecision } from './record-decision.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';
import type { Move } from './transition.ts';

/** What was read with the proposal, each after the tenant's control row was locked: then the version that answers is in force until the commit. */
export interface ReadForExecution {
  facts: ApprovalFacts;
  /** With standing as it is now; null where the directory does not know the proposer. */
  proposer: Actor | null;
  version: number;
  now: string;
  /** Who broke the glass, where that stands in for approvals. */
  overriddenBy: Actor | null;
}

/** Whether the policies in force let this plan be executed, on behalf of its proposer. The answer is kept with the execution, or with the way back. */
export async function mayExecute(
  tx: Tx,
  proposal: LockedProposal,
  { facts, proposer, version, now, overriddenBy }: ReadForExecution,
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
): Promise<Determination> {
  const approvals = facts.plan === null ? 0 : approvalsCounted(facts.plan.requirement, facts.reviews, proposal.behind);
  const { proposerId: id, proposerKind: kind, proposerRoles: roles, actsFor } = proposal;
  const ask = (actor: PolicyPrincipal, action: 'execute' | 'override') =>
    askPolicies(tx, deps, {
      actor,
      overridesSoft: action === 'execute' && overriddenBy !== null,
      ...policyQuestion(action, proposal.actionType),
      version,
      context: async ({ goesBy }) => withFacts(proposal, await heldContextOf(tx, proposal, { now, goesBy }, deps), { approvals }),
    });
  const executes = await ask(proposer ?? { id, kind, roles, teams: [], actsFor }, 'execute');
  // In an emergency both must be allowed: whoever may override gets around soft policies, and not around what else forbids the execution.
  // Where there is no answer it is not sent back to people, who could do nothing about it, but asked again until there is one.
  const by = answered(executes.allowed && overriddenBy !== null ? bothOf(executes, await ask(overriddenBy, 'override')) : executes);
  const decision = {
    proposalId: proposal.id,
    actor: id,
    action: 'execute' as const,
    revision: proposal.revision,
    digest: proposal.planDigest,
    by,
    ...(by.overridden === undefined ? {} : { details: { overridden: by.overridden, overriddenBy: overriddenBy?.id ?? null } }),
  };
  recordDecision(tx, by.allowed ? { ...decision, outcome: 'allowed' } : { ...decision, outcome: 'refused', reason: 'policy_forbids' });
  return by;
}

/**
 * Back to those who approve: there it stays until one of them adds to it, or other policies are in force. What policy alone approved asked nobody, so it is simulated again,
 * which finds that it was refused and asks people.
 */
export function policyMove({ version, policies }: Determination, { automatic }: Pick<ResolvedRequirement, 'automatic'>): Move {
  const to = automatic ? 'simulating' : 'awaiting_approval';
  return { to, reason: 'policy_forbids', facts: { policyVersion: version, policies } };
}
