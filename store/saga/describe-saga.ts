import { nextStep } from '../../ontology/saga.ts';
import type { ApprovalFacts } from '../approval-facts.ts';
import type { LockedProposal } from '../proposal-row.ts';
import { describe, type Settled } from '../settle.ts';
import { attentionOf } from './attention-of.ts';
import { waitLeftMs } from './check-waits.ts';
import { runOf } from './idempotency-key.ts';
import type { SagaAhead } from './saga-ahead.ts';
import type { SagaRow } from './saga-rows.ts';

const shortestWaitMs = 200; // Clocks of PostgreSQL and of the worker differ.

/** The state of an execution under way, with the step that is to be done next outside, and how long until then, or what a person is asked. */
export function describeSaga(proposal: LockedProposal, facts: ApprovalFacts, saga: SagaRow | SagaAhead): Settled {
  const settled = describe(proposal, facts);
  const next = 'next' in saga ? saga.next : nextStep(saga);
  if (proposal.status === 'needs_attention') {
    const attention = attentionOf(next);
    return attention === null ? settled : { ...settled, attention };
  }
  if (proposal.status !== 'executing' && proposal.status !== 'compensating') return settled;
  if (next.kind !== 'do' && next.kind !== 'undo') return settled;
  const { step } = next;
  const leftMs = waitLeftMs(step, saga.now);
  return {
    ...settled,
    waitMs: leftMs > 0 ? Math.max(shortestWaitMs, leftMs) : null,
    next: { kind: next.kind, ordinal: step.ordinal, name: step.name, of: runOf(saga), server: saga.server },
    ...(step.bakesUntil === null ? {} : { bakes: { until: step.bakesUntil, asked: step.attempts } }),
  };
}
