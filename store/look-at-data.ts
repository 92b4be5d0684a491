import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { OntologyChange } from '../ontology/diff-ontology.ts';
import type { Fault } from '../ontology/plan.ts';
import { findBreaks } from './ontology-breaks.ts';
import type { Sql } from './sql.ts';

/** What of the data does not fit, and marks of the data from before it was looked at. */
export interface DataFound {
  marks: string;
  faults: Fault[];
}

export async function lookAtData(
  tx: Sql,
  before: CompiledOntology,
  after: CompiledOntology,
  changes: readonly OntologyChange[],
): Promise<DataFound> {
  const marks = await readDataMarks(tx, changes);
  return { marks, faults: await findBreaks(tx, before, after, changes) };
}

/**
 * Stands for everything that executions have done until now to what these changes concern: equal marks, taken before and after, mean that what was found between them
 * still holds. Of links all is counted, since both their ends are.
 */
export async function readDataMarks(tx: Sql, changes: readonly OntologyChange[]): Promise<string> {
  const places = changes.map(({ pointer }) => pointer.split('/'));
  const types = places.flatMap(([, section, name]) => (section === 'objectTypes' && name !== undefined ? [name] : []));
  const concernsAll = places.some(([, section]) => section === 'linkTypes' || section === 'interfaces');
  const [row] = await tx.rows<{ marks: string }>(
    `SELECT COALESCE(string_agg(s.type || ' ' || s.counter, ',' ORDER BY s.type), '') AS marks FROM exequatur.type_state s WHERE $1::boolean OR s.type = ANY ($2::text[])`,
    [concernsAll, [...new Set(types)]],
  );
  return row?.marks ?? '';
}
