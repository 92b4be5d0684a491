import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { diffOntologies, type OntologyChange } from '../ontology/diff-ontology.ts';
import { draftMigrations, type MigrationRule } from '../ontology/draft-migrations.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { MigrationRow } from './migrations.ts';
import { type RetypedObjects, retypedObjects } from './next-offenders.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What a migration is about, all of it from stored texts. */
export interface MigrationWork {
  migration: MigrationRow;
  /** In force before it, and again where it fails. */
  former: CompiledOntology;
  /** In force meanwhile. */
  working: CompiledOntology;
  next: CompiledOntology;
  changes: OntologyChange[];
  rules: MigrationRule[];
}

export async function readMigrationWork(
  tx: Tx,
  migration: MigrationRow,
  { ontologies }: Pick<StoreDeps, 'ontologies'>,
): Promise<MigrationWork> {
  const base = await ontologies.load(tx, migration.baseVersion);
  const next = compileOntology(JSON.parse(migration.document) as JsonValue, ontologies.functions);
  if (base === null || !next.ok) throw new Error('a stored document no longer compiles');
  const draft = draftMigrations(base.ontology, next.ontology, migration.startedBy, ontologies.functions);
  if (!draft.ok) throw new Error('stored migrations no longer compile');
  const working = draft.ontology;
  return {
    migration,
    former: base.ontology,
    working,
    next: next.ontology,
    changes: diffOntologies(working, next.ontology),
    rules: draft.rules,
  };
}

export function retypedBy({ working, next, changes }: MigrationWork, { objectType }: MigrationRule): RetypedObjects {
  return retypedObjects(objectType, working, next, changes);
}
