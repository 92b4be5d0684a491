import type { Caller } from '../ontology/authority.ts';
import { leaveNudge } from './nudges.ts';
import { hasExpired, lockProposal } from './proposal-row.ts';
import { proposalFacts } from './proposal-view.ts';
import { recordDecision, recordRefusal } from './record-decision.ts';
import { type Refusal, refuse } from './refusal.ts';
import { describe, type Settled, settleLocked } from './settle.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { transition } from './transition.ts';

export interface Withdrawal {
  proposalId: string;
  reason?: string;
  by: Caller;
}

/**
 * The proposer takes a proposal back. Locks its row, so of a withdrawal and a last approval at the same instant the one that gets the lock first decides, and an
 * execution that has begun has its lock until it is done.
 */
export async function withdrawProposal(
  tx: Tx,
  { proposalId, reason, by }: Withdrawal,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<{ settled: Settled } | (Refusal & { settled?: Settled })> {
  const [proposal, actor] = await Promise.all([lockProposal(tx, proposalId), resolveActor(tx, by)]);
  if (proposal === null) {
    tx.undo();
    return refuse('not_found');
  }
  const { revision, planDigest: digest } = proposal;
  const decision = { proposalId, actor: actor.id, action: 'withdraw' as const, revision, digest };
  const authority = deps.decide({ action: 'proposal:withdraw', actor, proposal: proposalFacts(proposal) });
  if (!authority.allowed) return recordRefusal(tx, decision, refuse(authority.reason));
  const noFacts = { plan: null, reviews: [] };
  leaveNudge(tx, proposalId);
  if (hasExpired(proposal)) return { ...refuse('not_withdrawable'), settled: settleLocked(tx, proposal, noFacts) };
  recordDecision(tx, { ...decision, outcome: 'allowed' });
  const withdrawn = transition(tx, proposal, { to: 'withdrawn', actor: actor.id, ...(reason === undefined ? {} : { reason }) });
  return { settled: describe(withdrawn, noFacts) };
}
