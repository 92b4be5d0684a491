import type { ChangeSetParameters } from '../../ontology/change-set.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { judgeCheck } from '../../ontology/judge-check.ts';
import type { PlanHeader } from '../../ontology/plan.ts';
import type { PlannedCheck } from '../../ontology/planned-effect.ts';
import type { LockedProposal } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import { SqlSnapshot } from '../sql-snapshot.ts';
import type { StoreDeps } from '../store-deps.ts';

/** Whether a check over objects holds on what is committed now. Plain reads, no locks: a repeat asks again, of what is committed then. */
export async function judgeObjects(
  tx: Tx,
  proposal: LockedProposal,
  planId: string,
  { holds = '', action: index }: PlannedCheck,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<boolean> {
  const [loaded, [row]] = await Promise.all([
    deps.ontologies.load(tx, proposal.ontologyVersion),
    tx.rows<{ parameters: JsonObject; header: Pick<PlanHeader, 'prefilled' | 'actions'> }>(
      `SELECT p.parameters::jsonb AS parameters, split_part(convert_from(c.bytes, 'UTF8'), E'\\n', 1)::jsonb AS header
         FROM exequatur.proposal p JOIN exequatur.plan_chunk c ON c.tenant_id = p.tenant_id AND c.plan_id = $2::uuid AND c.ordinal = 0 WHERE p.id = $1::uuid`,
      [proposal.id, planId],
    ),
  ]);
  if (row === undefined) throw new Error('a saga names a plan that is not there');
  const one = index === undefined ? undefined : (row.parameters as unknown as ChangeSetParameters).actions[index];
  const action = loaded?.ontology.actionTypes.get(one?.actionType ?? proposal.actionType);
  if (!loaded || !action) throw new Error('a plan names definitions that are not there');
  const prefilled = index === undefined ? row.header.prefilled : row.header.actions?.[index]?.prefilled;
  const parameters = { ...(one?.parameters ?? row.parameters), ...prefilled };
  const proposer = { id: proposal.proposerId, kind: proposal.proposerKind, roles: proposal.proposerRoles };
  const instants = { proposer, evaluatedAt: proposal.evaluatedAt, now: proposal.now };
  return judgeCheck(loaded.ontology, action, holds, parameters, new SqlSnapshot(tx), instants);
}
