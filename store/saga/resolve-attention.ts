import type { Caller } from '../../ontology/authority.ts';
import type { ProblemCode } from '../../ontology/problems.ts';
import { mayRetry, nameOfStep, nextStep, type OperatorDecision } from '../../ontology/saga.ts';
import { leaveNudge } from '../nudges.ts';
import { lockProposal } from '../proposal-row.ts';
import { proposalFacts } from '../proposal-view.ts';
import { recordDecision, recordRefusal } from '../record-decision.ts';
import { type Refusal, refuse } from '../refusal.ts';
import type { Tx } from '../sql.ts';
import { resolveActor } from '../standing.ts';
import type { StoreDeps } from '../store-deps.ts';
import { type Move, through } from '../transition.ts';
import { askingId } from './asking-id.ts';
import { failureOfSaga } from './move-saga.ts';
import { readSaga } from './saga-rows.ts';

export interface Resolution {
  proposalId: string;
  /** What the operator was shown: `askingId`. */
  asking: string;
  choice: OperatorDecision;
  reason: string;
  by: Caller;
}

/**
 * An operator says how it goes on with the step that is asked about: it is taken back once more, left as somebody has seen to it, or all that is left to undo stays as it is
 * and the proposal ends.
 */
export async function resolveAttention(
  tx: Tx,
  { proposalId, asking, choice, reason, by }: Resolution,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<{ actionType: string } | Refusal> {
  const [proposal, actor, saga] = await Promise.all([lockProposal(tx, proposalId), resolveActor(tx, by), readSaga(tx, proposalId)]);
  if (proposal === null) {
    tx.undo();
    return refuse('not_found');
  }
  const authority = deps.decide({ action: 'proposal:resolve', actor, proposal: proposalFacts(proposal) });
  const { revision, planDigest: digest } = proposal;
  const decision = { proposalId, actor: actor.id, action: 'resolve' as const, revision, digest };
  const refused = (reason: ProblemCode) => recordRefusal(tx, decision, refuse(reason));
  if (!authority.allowed) return refused(authority.reason);
  const asked = saga === null ? null : nextStep(saga);
  if (saga === null || asked?.kind !== 'attention') return refused('not_resolvable');
  if (asking !== askingId(saga, asked.step)) return refused('stale_asking');
  if (choice === 'retry' && !mayRetry(asked.step)) return refused('nothing_to_retry');
  recordDecision(tx, { ...decision, outcome: 'allowed', details: { choice } });
  const to = choice === 'abort' ? ('failed' as const) : ('compensating' as const);
  const facts = { choice, step: nameOfStep(asked.step) };
  const move: Move = { to, actor: actor.id, reason, facts, ...(to === 'failed' ? { failure: failureOfSaga(saga) } : {}) };
  through(
    tx,
    proposal,
    move,
    (next) => `exequatur.resolve_attention($4::text::uuid, $${next}::int, $${next + 1}, $${next + 2}, $${next + 3}, $${next + 4})`,
    [asked.step === 'edits' ? null : asked.step.ordinal, choice, actor.id, reason, asking],
  );
  leaveNudge(tx, proposalId);
  return { actionType: proposal.actionType };
}
