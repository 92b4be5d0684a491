import type { Caller } from '../../ontology/authority.ts';
import { announceAndNudge } from '../nudges.ts';
import { lockProposal } from '../proposal-row.ts';
import { proposalFacts } from '../proposal-view.ts';
import { recordDecision, recordRefusal } from '../record-decision.ts';
import { type Refusal, refuse } from '../refusal.ts';
import type { Tx } from '../sql.ts';
import { resolveActor } from '../standing.ts';
import type { StoreDeps } from '../store-deps.ts';
import { readSaga } from './saga-rows.ts';

export interface Cancellation {
  proposalId: string;
  reason: string;
  by: Caller;
}

/** Has an execution under way stopped before its next step, and undone. What is being sent at this instant is sent to its end. */
export async function cancelExecution(
  tx: Tx,
  { proposalId, reason, by }: Cancellation,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<{ actionType: string } | Refusal> {
  const [proposal, actor, saga] = await Promise.all([lockProposal(tx, proposalId), resolveActor(tx, by), readSaga(tx, proposalId)]);
  if (proposal === null) {
    tx.undo();
    return refuse('not_found');
  }
  const underWay = proposal.status === 'executing' && saga?.direction === 'forward' && saga.cancelled === null;
  const authority = deps.decide({ action: 'proposal:cancel', actor, proposal: proposalFacts(proposal), underWay });
  const { revision, planDigest: digest } = proposal;
  const decision = { proposalId, actor: actor.id, action: 'cancel' as const, revision, digest };
  if (!authority.allowed) return recordRefusal(tx, decision, refuse(authority.reason));
  recordDecision(tx, { ...decision, outcome: 'allowed' });
  tx.send('SELECT exequatur.cancel_execution($1::uuid, $2, $3)', [proposalId, actor.id, reason]);
  const type = 'proposal.cancelling';
  const facts = { revision, planDigest: digest };
  const auditEntryId = tx.audit({ type, proposalId, facts, personal: { actor: actor.id, reason } });
  announceAndNudge(tx, { type, proposalId, data: { proposalId, actionType: proposal.actionType, ...facts }, auditEntryId });
  return { actionType: proposal.actionType };
}
