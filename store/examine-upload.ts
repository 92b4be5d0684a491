import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { diffOntologies, type OntologyChange } from '../ontology/diff-ontology.ts';
import type { LoadedOntology } from './load-ontology.ts';
import { type DataFound, lookAtData } from './look-at-data.ts';
import { type PlannedMigration, planMigration } from './plan-migration.ts';
import type { Refusal } from './refusal.ts';
import type { Sql } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What a document changes, what of the data does not fit it, and what its migrations would do about that. */
export interface Examination extends DataFound {
  /** The version in force that it was compared with. */
  base: number;
  changes: OntologyChange[];
  /** Null where all data fits, or the document brings no migrations. */
  planned: PlannedMigration | Refusal | null;
}

export async function examineUpload(
  tx: Sql,
  current: LoadedOntology | null,
  next: CompiledOntology,
  proposer: string,
  { ontologies }: Pick<StoreDeps, 'ontologies'>,
): Promise<Examination> {
  const changes = diffOntologies(current?.ontology ?? null, next);
  if (current === null) return { base: 0, marks: '', changes, faults: [], planned: null };
  const { marks, faults } = await lookAtData(tx, current.ontology, next, changes);
  const isToBeMigrated = faults.length > 0 && next.migrations.length > 0;
  const upload = { current: current.ontology, next, changes, faults, proposer, functions: ontologies.functions };
  return { base: current.version, marks, changes, faults, planned: isToBeMigrated ? await planMigration(tx, upload) : null };
}
