import type { Actor } from '../ontology/authority.ts';
import { actionTypeIn } from '../ontology/change-set.ts';
import type { ProblemCode } from '../ontology/problems.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import type { LockedProposal, PlanFacts } from './proposal-row.ts';
import { recordDecision } from './record-decision.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * Why whoever proposed this might not propose it now, by standing alone; null where they might, and where that is not asked. It is asked of what policy alone approved: there
 * nobody but the proposer answers for it. The refusal is kept, which makes the next simulation ask people. What governs is asked of its proposer when it is looked at again, and a
 * batch of a migration has been approved with the document.
 */
export async function lapseOfProposer(
  tx: Tx,
  proposal: LockedProposal,
  { proposer, plan }: { proposer: Actor | null; plan: PlanFacts },
  deps: Pick<StoreDeps, 'decide' | 'ontologies'>,
): Promise<ProblemCode | null> {
  if (!plan.requirement.automatic || settingOf(proposal.actionType) !== null) return null;
  const reason = await refusalNow(tx, proposal, proposer, deps);
  if (reason === null || (await isBatch(tx, proposal.id))) return null;
  const { id: proposalId, proposerId: actor, revision } = proposal;
  recordDecision(tx, { proposalId, actor, action: 'execute', outcome: 'refused', reason, revision, digest: plan.digest });
  return reason;
}

async function refusalNow(
  tx: Tx,
  proposal: LockedProposal,
  proposer: Actor | null,
  deps: Pick<StoreDeps, 'decide' | 'ontologies'>,
): Promise<ProblemCode | null> {
  if (proposer === null) return 'forbidden'; // Whom the directory does not know has no role in it.
  const isRevert = proposal.revertOf !== null; // Policy alone approves one only where the action in force would be.
  const loaded = await deps.ontologies.load(tx, isRevert ? undefined : proposal.ontologyVersion);
  const action = loaded && actionTypeIn(loaded.ontology, proposal.actionType);
  if (!action && isRevert) return 'proposer_not_allowed';
  if (!action) throw new Error('a proposal names definitions that are not there');
  const authority = deps.decide({ action: 'proposal:create', actor: proposer, proposers: action.definition.proposers ?? null });
  return authority.allowed ? null : authority.reason;
}

async function isBatch(tx: Tx, proposalId: string): Promise<boolean> {
  return (await tx.rows('SELECT 1 FROM exequatur.migration_batch b WHERE b.proposal_id = $1::uuid', [proposalId])).length > 0;
}
