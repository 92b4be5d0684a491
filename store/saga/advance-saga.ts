import { type NextStep, nextStep, type SagaStep } from '../../ontology/saga.ts';
import type { ApprovalFacts } from '../approval-facts.ts';
import type { LockedProposal } from '../proposal-row.ts';
import type { Settled } from '../settle.ts';
import type { Tx } from '../sql.ts';
import { waitAnew } from './check-waits.ts';
import { describeSaga } from './describe-saga.ts';
import { endSaga, executionFailed, needAttention, turnBack } from './move-saga.ts';
import { readSaga, type SagaRow } from './saga-rows.ts';

/** Does what comes next inside the database, and says what comes next outside of it. The edits themselves are applied by the caller, which asks everything again before. */
export async function advanceSaga(
  tx: Tx,
  proposal: LockedProposal,
  facts: ApprovalFacts,
  saga: SagaRow,
  executionId: string,
): Promise<Settled> {
  const next = nextStep(saga);
  switch (next.kind) {
    case 'finish':
      return finish(tx, proposal, facts, saga, executionId);
    case 'turnBack':
      return describeSaga(
        turnBack(tx, proposal, { backTo: 'failed', failure: failureOf(next.failed, saga), reason: 'effect_failed' }),
        facts,
        saga,
      );
    case 'do':
    case 'undo': {
      const step = saga.steps[next.step.ordinal];
      const isChanged = step !== undefined && waitAnew(tx, proposal.id, saga, step);
      return describeSaga(proposal, facts, isChanged ? ((await readSaga(tx, proposal.id)) ?? saga) : saga);
    }
    case 'undoEdits':
      return undoEdits(tx, proposal, facts, executionId);
    case 'end':
      return describeSaga(endSaga(tx, proposal, saga), facts, saga);
    case 'attention':
      return describeSaga(askPerson(tx, proposal, saga, next), facts, saga);
    case 'apply':
      throw new Error('edits are applied by whoever asks everything again');
  }
}

function finish(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts, saga: SagaRow, executionId: string): Settled {
  const failed = saga.steps.filter(({ state }) => state !== 'done').map(({ name }) => name);
  tx.audit({
    type: 'proposal.executed',
    proposalId: proposal.id,
    facts: {
      executionId,
      status: 'executed',
      revision: proposal.revision,
      planDigest: proposal.planDigest,
      edits: facts.plan?.edits ?? 0,
      effects: saga.steps.length,
      ...(failed.length > 0 ? { failedEffects: failed } : {}),
    },
  });
  tx.send('SELECT exequatur.finish_saga($1::uuid, $2::jsonb)', [proposal.id, JSON.stringify(tx.takeEntries())]);
  return describeSaga({ ...proposal, status: 'executed' }, facts, saga);
}

function failureOf(step: SagaStep, saga: SagaRow) {
  const problem = saga.steps[step.ordinal]?.problem;
  const code = step.phase === 'check' ? 'check_failed' : step.state === 'unknown' ? 'effect_unknown' : 'effect_refused';
  return executionFailed(code, `${step.name}: ${problem?.message ?? 'failed'}`);
}

async function undoEdits(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts, executionId: string): Promise<Settled> {
  tx.audit({ type: 'execution.undone', proposalId: proposal.id, facts: { executionId, planDigest: proposal.planDigest } });
  await tx.rows('SELECT exequatur.undo_execution($1::uuid, $2::jsonb)', [proposal.id, JSON.stringify(tx.takeEntries())]);
  const after = await readSaga(tx, proposal.id);
  if (after === null) throw new Error('the saga vanished while its proposal was locked');
  return describeSaga(proposal, facts, after);
}

function askPerson(tx: Tx, proposal: LockedProposal, saga: SagaRow, { step }: Extract<NextStep, { kind: 'attention' }>): LockedProposal {
  if (step === 'edits') return needAttention(tx, proposal, 'edits', 'objects were changed or referred to since');
  const problem = saga.steps[step.ordinal]?.problem?.message;
  const words = step.hasCompensation ? (problem ?? 'its undo was refused') : 'nothing takes it back';
  return needAttention(
    tx,
    proposal,
    step.name,
    step.state === 'unknown' || step.state === 'sending' ? `its outcome is unknown: ${problem ?? 'no answer'}` : words,
  );
}
