// What a saga does inside the database beside its edits, by what `nextStep` says. Each is one transaction under the lock of the proposal, so a crash leaves all of it or nothing.
//
// | step       | do                                     | undo                                   | key                                      | after a crash in the middle  |
// |------------|----------------------------------------|----------------------------------------|------------------------------------------|------------------------------|
// | finish     | `finish_saga`: executed                | a revert                               | the proposal, which is `executing` once  | finds it executed            |
// | turn back  | `turn_back`: undone from here on       | none                                   | the saga, which turns once               | finds it turned              |
// | undo edits | `undo_execution`                       | none: a person decides about conflicts | the saga, whose edits are applied once   | finds them undone            |
// | ask        | `need_attention`: a person decides     | `resolveAttention`                     | the proposal, while it is `compensating` | finds that a person is asked |
// | end        | `end_saga`: failed, or simulated again | none                                   | the saga, which ends once                | finds it ended               |

import { nextStep } from '../../ontology/saga.ts';
import type { ApprovalFacts } from '../approval-facts.ts';
import type { LockedProposal } from '../proposal-row.ts';
import type { Settled } from '../settle.ts';
import type { Tx } from '../sql.ts';
import type { StoreDeps } from '../store-deps.ts';
import { attentionOf } from './attention-of.ts';
import { waitAnew } from './check-waits.ts';
import { describeSaga } from './describe-saga.ts';
import { findUndoMisfits, type UndoMisfit } from './find-undo-misfits.ts';
import { endSaga, executionFailed, needAttention, turnBack } from './move-saga.ts';
import { notDone } from './not-done.ts';
import { readSaga, type SagaRow, type StepRow } from './saga-rows.ts';

/** Does what comes next inside the database, and says what comes next outside of it. The edits themselves are applied by the caller, which asks everything again before, and which has locked the definitions. */
export async function advanceSaga(
  tx: Tx,
  proposal: LockedProposal,
  facts: ApprovalFacts,
  saga: SagaRow,
  executionId: string,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<Settled> {
  const next = nextStep(saga);
  switch (next.kind) {
    case 'finish':
      return finish(tx, proposal, facts, saga, executionId);
    case 'turnBack':
      return describeSaga(
        turnBack(tx, proposal, { backTo: 'failed', failure: failureOf(next.failed), reason: 'effect_failed' }),
        facts,
        saga,
      );
    case 'do':
    case 'undo': {
      const isChanged = waitAnew(tx, proposal.id, saga, next.step);
      return describeSaga(proposal, facts, isChanged ? ((await readSaga(tx, proposal.id)) ?? saga) : saga);
    }
    case 'undoEdits':
      return undoEdits(tx, proposal, facts, saga, { executionId, misfits: await findUndoMisfits(tx, proposal, executionId, deps) });
    case 'end':
      return describeSaga(endSaga(tx, proposal, saga), facts, saga);
    case 'attention':
      return describeSaga(needAttention(tx, proposal, attentionOf(next)), facts, saga);
    case 'apply':
      throw new Error('edits are applied by whoever asks everything again');
  }
}

function finish(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts, saga: SagaRow, executionId: string): Settled {
  const { failedEffects, unknownEffects } = notDone(saga);
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
      ...(failedEffects.length > 0 ? { failedEffects } : {}),
      ...(unknownEffects.length > 0 ? { unknownEffects } : {}),
    },
  });
  tx.send('SELECT exequatur.finish_saga($1::uuid, $2::jsonb)', [proposal.id, JSON.stringify(tx.takeEntries())]);
  return describeSaga({ ...proposal, status: 'executed' }, facts, saga);
}

function failureOf(step: StepRow) {
  const code = step.phase === 'check' ? 'check_failed' : step.state === 'unknown' ? 'effect_unknown' : 'effect_refused';
  return executionFailed(code, `${step.name}: ${step.problem?.message ?? 'failed'}`);
}

async function undoEdits(
  tx: Tx,
  proposal: LockedProposal,
  facts: ApprovalFacts,
  saga: SagaRow,
  { executionId, misfits }: { executionId: string; misfits: readonly UndoMisfit[] },
): Promise<Settled> {
  const earlier = tx.takeEntries();
  /** @returns how many conflicts it leaves, where that is not what was said; then nothing was done. */
  const undo = async (left: number): Promise<number | null> => {
    const told = { executionId, planDigest: proposal.planDigest, ...(left > 0 ? { left } : {}) };
    tx.audit({ type: 'execution.undone', proposalId: proposal.id, facts: told });
    const [row] = await tx.rows<{ left: number | null }>(
      `SELECT (exequatur.undo_execution($1::uuid, $2::jsonb, $3::jsonb) ->> 'left')::int AS left`,
      [proposal.id, JSON.stringify([...earlier, ...tx.takeEntries()]), JSON.stringify(misfits)],
    );
    return row?.left ?? null;
  };
  // What an operator was shown, unless some of it stands in the way no more.
  const left = await undo(saga.conflicts?.length ?? 0);
  if (left !== null) await undo(left);
  const after = await readSaga(tx, proposal.id);
  if (after === null) throw new Error('the saga vanished while its proposal was locked');
  return describeSaga(proposal, facts, after);
}
