import type { JsonObject } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { mayLapse, recheckCriteria } from '../ontology/recheck-criteria.ts';
import type { LockedProposal } from './proposal-row.ts';
import type { Sql, Tx } from './sql.ts';
import { SqlSnapshot } from './sql-snapshot.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * What of the criteria of a locked proposal does not hold at the instant `now`; nothing when all of them hold, none speaks of time, or this is a revert, which has
 * none. Plain reads, no locks: where an object changes meanwhile the read set is stale, which the door looks for itself.
 */
export async function askCriteriaAgain(
  tx: Tx,
  proposal: LockedProposal,
  now: string,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<Fault[]> {
  if (proposal.revertOf !== null) return [];
  const loaded = await deps.ontologies.load(tx, proposal.ontologyVersion);
  const action = loaded?.ontology.actionTypes.get(proposal.actionType);
  if (loaded === null || action === undefined) throw new Error('a proposal names definitions that are not there');
  if (!mayLapse(action)) return [];
  return recheckCriteria(loaded.ontology, action, await readParameters(tx, proposal.id), new SqlSnapshot(tx), {
    proposer: { id: proposal.proposerId, kind: proposal.proposerKind, roles: proposal.proposerRoles },
    evaluatedAt: proposal.evaluatedAt,
    now,
  });
}

async function readParameters(tx: Sql, proposalId: string): Promise<JsonObject> {
  const [row] = await tx.rows<{ parameters: string }>('SELECT p.parameters FROM exequatur.proposal p WHERE p.id = $1::uuid', [proposalId]);
  if (row === undefined) throw new Error('the proposal vanished while it was locked');
  return JSON.parse(row.parameters) as JsonObject;
}
