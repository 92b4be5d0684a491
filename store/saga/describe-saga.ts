import { nextStep } from '../../ontology/saga.ts';
import type { ApprovalFacts } from '../approval-facts.ts';
import type { LockedProposal } from '../proposal-row.ts';
import { describe, type Settled } from '../settle.ts';
import { waitLeftMs } from './check-waits.ts';
import type { SagaRow } from './saga-rows.ts';

const shortestWaitMs = 200; // Clocks of PostgreSQL and of the worker differ.

/** The state of an execution under way, with the step that is to be done next outside, and how long until then. */
export function describeSaga(proposal: LockedProposal, facts: ApprovalFacts, saga: SagaRow): Settled {
  const settled = describe(proposal, facts);
  if (proposal.status !== 'executing' && proposal.status !== 'compensating') return settled;
  const next = nextStep(saga);
  if (next.kind !== 'do' && next.kind !== 'undo') return settled;
  const { ordinal, name } = next.step;
  const leftMs = waitLeftMs(saga.steps[ordinal], saga.now);
  return { ...settled, waitMs: leftMs > 0 ? Math.max(shortestWaitMs, leftMs) : null, next: { kind: next.kind, ordinal, name } };
}
