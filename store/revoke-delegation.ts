import type { Caller } from '../ontology/authority.ts';
import { announceDelegation } from './announce-delegation.ts';
import { type DelegationView, readDelegation } from './delegations.ts';
import { refusalToAdminister } from './may-administer.ts';
import { unknownParty } from './put-delegation.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { readActors, resolveActor } from './standing.ts';
import { stopExecutions } from './stop-executions.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * Ends a delegation, which takes one person and holds with the commit: executions that have begun are waited for, and none commits later with an approval that was given
 * by it. It only tightens, so policies are not asked. A repeat changes nothing.
 */
export async function revokeDelegation(
  tx: Tx,
  request: { id: string; by: Caller },
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<DelegationView | Refusal> {
  const outcome = await revoke(tx, request, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function revoke(
  tx: Tx,
  { id, by }: { id: string; by: Caller },
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<DelegationView | Refusal> {
  const actor = await resolveActor(tx, by);
  const membership = deps.decide({ action: 'read', actor });
  if (!membership.allowed) return refuse(membership.reason);
  const named = await readDelegation(tx, id);
  if (named === null) return refuse('not_found');
  const known = await readActors(tx, [named.delegator, named.delegate]);
  const [delegator, delegate] = [named.delegator, named.delegate].map((one) => known.get(one) ?? unknownParty(one));
  if (delegator === undefined || delegate === undefined) return refuse('not_found');
  const refusal = await refusalToAdminister(tx, deps, { action: 'delegation:delete', actor, delegator, delegate }, null);
  if (refusal !== null) return refusal;
  await stopExecutions(tx);
  const rows = await tx.rows(
    'UPDATE exequatur.delegation d SET revoked_by = $2, revoked_at = exequatur.clock() WHERE d.id = $1 AND d.revoked_at IS NULL RETURNING 1 AS one',
    [id, actor.id],
  );
  if (rows.length > 0) announceDelegation(tx, named, actor.id, 'revoked');
  return (await readDelegation(tx, id)) ?? refuse('not_found');
}
