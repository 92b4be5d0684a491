import type { Caller } from '../ontology/authority.ts';
import { announceChange } from './announce-change.ts';
import { refusalToAdminister } from './may-administer.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** How much was erased. */
export interface Erased {
  disclosures: number;
  reviews: number;
  proposals: number;
}

/**
 * Erases what a disabled principal has left of themselves beside the audit log and in what they wrote. The entry of it says who did it and why, and not of whom; the event
 * names them, for whoever keeps events of theirs and is to do the same. A repeat erases what came since, which is nothing.
 */
export async function erasePersonalData(
  tx: Tx,
  { id, reason, by }: { id: string; reason: string; by: Caller },
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<Erased | Refusal> {
  const actor = await resolveActor(tx, by);
  const [subject] = await tx.rows<{ person: string; disabled: boolean }>(
    'SELECT COALESCE(p.person, p.id) AS person, p.disabled FROM exequatur.principal p WHERE p.id = $1',
    [id],
  );
  const refusal = await refusalToAdminister(
    tx,
    deps,
    { action: 'principal:put', actor, subject: { id, person: subject?.person ?? id } },
    'principals',
  );
  if (refusal !== null) return undone(tx, refusal);
  if (subject === undefined) return undone(tx, refuse('not_found'));
  if (!subject.disabled) return undone(tx, refuse('principal_active'));
  announceChange(tx, {
    type: 'principal.erased',
    subject: `principal/${id}`,
    facts: {}, // How much it is, the function adds.
    personal: { actor: actor.id, reason },
    data: { principalId: id },
  });
  const values = [id, JSON.stringify(tx.takeEntries())];
  const [row] = await tx.rows<{ erased: Erased }>('SELECT exequatur.erase_personal_data($1, $2::jsonb) AS erased', values);
  return row?.erased ?? { disclosures: 0, reviews: 0, proposals: 0 };
}

function undone(tx: Tx, refusal: Refusal): Refusal {
  tx.undo();
  return refusal;
}
