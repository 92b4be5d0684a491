import type { JsonObject } from '../ontology/json.ts';
import { announceChange } from './announce-change.ts';
import type { DelegationView } from './delegations.ts';
import type { Tx } from './sql.ts';

export function announceDelegation(
  tx: Tx,
  { id, delegator, delegate }: Pick<DelegationView, 'id' | 'delegator' | 'delegate'>,
  actor: string,
  state: 'granted' | 'revoked',
  reason?: string,
): void {
  const personal = { actor, delegation: id, delegator, delegate, reason };
  const data: JsonObject = { delegationId: id, state };
  announceChange(tx, { type: 'delegation.changed', subject: `delegation/${id}`, facts: { state }, personal, data });
}
