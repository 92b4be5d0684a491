import { nextStep } from '../../ontology/saga.ts';
import { askingId } from '../../store/saga/asking-id.ts';
import { type Resolution, resolveAttention } from '../../store/saga/resolve-attention.ts';
import { readSaga } from '../../store/saga/saga-rows.ts';
import type { Tx } from '../../store/sql.ts';
import type { StoreDeps } from '../../store/store-deps.ts';

/** Decides about whatever is asked just now, as an operator who has this moment looked. */
export async function resolveAsAsked(tx: Tx, resolution: Omit<Resolution, 'asking'>, deps: StoreDeps) {
  const saga = await readSaga(tx, resolution.proposalId);
  const next = saga && nextStep(saga);
  const asking = saga && next?.kind === 'attention' ? askingId(saga, next.step) : 'nothing';
  return resolveAttention(tx, { ...resolution, asking }, deps);
}
