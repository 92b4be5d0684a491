import { actionTypeIn, type ChangeSetParameters, isChangeSet } from '../ontology/change-set.ts';
import { evaluateChangeSet } from '../ontology/evaluate-change-set.ts';
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
  const action = loaded && actionTypeIn(loaded.ontology, proposal.actionType);
  if (!loaded || !action) throw new Error('a proposal names definitions that are not there');
  if (!mayLapse(action)) return [];
  const proposer = { id: proposal.proposerId, kind: proposal.proposerKind, roles: proposal.proposerRoles };
  const parameters = await readParameters(tx, proposal.id);
  const snapshot = new SqlSnapshot(tx);
  const instants = { proposer, evaluatedAt: proposal.evaluatedAt, now };
  if (!isChangeSet(proposal.actionType)) return recheckCriteria(loaded.ontology, action, parameters, snapshot, instants);
  // What a later action asks depends on what the earlier ones do.
  const { actionTypeVersion, revisionSeed } = proposal;
  const context = { ...instants, tenant: tx.tenant, actionTypeVersion, revisionSeed };
  const set = parameters as unknown as ChangeSetParameters;
  const outcome = await evaluateChangeSet(loaded.ontology, proposal.actionType, set, snapshot, context);
  return outcome.kind === 'invalid' ? outcome.faults : [];
}

async function readParameters(tx: Sql, proposalId: string): Promise<JsonObject> {
  const [row] = await tx.rows<{ parameters: string }>('SELECT p.parameters FROM exequatur.proposal p WHERE p.id = $1::uuid', [proposalId]);
  if (row === undefined) throw new Error('the proposal vanished while it was locked');
  return JSON.parse(row.parameters) as JsonObject;
}
