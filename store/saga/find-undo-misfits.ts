import { setImmediate as pause } from 'node:timers/promises';
import type { CompiledOntology } from '../../ontology/compiled-ontology.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { stillFits } from '../../ontology/still-fits.ts';
import type { LockedProposal } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import type { StoreDeps } from '../store-deps.ts';

/** A value that an undo would put back. */
export interface UndoMisfit {
  type: string;
  id: string;
  property: string;
}

const pageSize = 1_000; // Judged in a few milliseconds, but for patterns, after which the thread is let go.

/**
 * What an execution found and the definitions in force admit no more, by the evaluator's own judgement: the database judges the same but for what it cannot read as definitions mean it, such as
 * expressions of RE2. MUST run with the definitions locked. Reads nothing where no definition has changed since the proposal was made: what the execution found was admitted then.
 */
export async function findUndoMisfits(
  tx: Tx,
  { ontologyVersion }: LockedProposal,
  executionId: string,
  { ontologies }: Pick<StoreDeps, 'ontologies'>,
): Promise<UndoMisfit[]> {
  const inForce = await ontologies.load(tx);
  if (inForce === null || inForce.version === ontologyVersion) return [];
  const found: UndoMisfit[] = [];
  for (let after: Pick<Found, 'at' | 'ordinal'> = { at: '-infinity', ordinal: 0 }; ; ) {
    const rows = await tx.rows<Found>(
      `SELECT h.at::text AS at, h.ordinal::int AS ordinal, h.type, h.object_id AS id, h.before FROM exequatur.object_history h
        WHERE h.execution_id = $1::uuid AND (h.at, h.ordinal) > ($2::timestamptz, $3::int) AND h.op IN ('modify', 'delete') ORDER BY h.at, h.ordinal LIMIT $4::int`,
      [executionId, after.at, after.ordinal, pageSize],
    );
    for (const row of rows) found.push(...misfitsOf(row, inForce.ontology));
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return found;
    after = last;
    await pause();
  }
}

interface Found extends Record<string, unknown> {
  at: string;
  ordinal: number;
  type: string;
  id: string;
  before: JsonObject | null;
}

function misfitsOf({ type, id, before }: Found, { objectTypes }: CompiledOntology): UndoMisfit[] {
  const properties = objectTypes.get(type)?.properties;
  return Object.entries(before ?? {}).flatMap(([property, value]) =>
    stillFits(properties?.get(property), value) ? [] : [{ type, id, property }],
  );
}
