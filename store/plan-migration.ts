import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { Condition } from '../ontology/condition.ts';
import type { MigrationDefinition } from '../ontology/definition.ts';
import type { OntologyChange } from '../ontology/diff-ontology.ts';
import { draftMigrations, type MigrationRule } from '../ontology/draft-migrations.ts';
import { pointerTo } from '../ontology/json.ts';
import type { RegisteredFunction } from '../ontology/ontology-function.ts';
import type { Fault } from '../ontology/plan.ts';
import { countOffenders, retypedObjects } from './next-offenders.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

export interface PlannedRule extends MigrationRule {
  /** How many objects do not fit now. */
  objects: number;
}

export interface PlannedMigration {
  /** The document in force with the generated action types: what is in force while batches run. */
  working: CompiledOntology;
  rules: PlannedRule[];
}

interface Upload {
  current: CompiledOntology;
  next: CompiledOntology;
  changes: readonly OntologyChange[];
  /** What of the data does not fit. */
  faults: readonly Fault[];
  proposer: string;
  functions: readonly RegisteredFunction[];
}

/** What the document's rules would do. Refused where they are wrong, and where they leave anything that does not fit: then no batch is worth running. */
export async function planMigration(tx: Sql, upload: Upload): Promise<PlannedMigration | Refusal> {
  const { current, next, changes, faults, proposer, functions } = upload;
  const draft = draftMigrations(current, next, proposer, functions);
  if (!draft.ok) return refuse('invalid_ontology', draft.faults);
  const rules: PlannedRule[] = [];
  const left = faults.filter((fault) => !next.migrations.some((migration) => writesWhatBreaks(migration, fault)));
  for (const [at, rule] of draft.rules.entries()) {
    const types = retypedObjects(rule.objectType, current, next, changes);
    const objects = await countOffenders(tx, rule, types);
    rules.push({ ...rule, objects });
    if (next.migrations[at]?.where === undefined) continue;
    const outside = (await countOffenders(tx, { objectType: rule.objectType, where: everything }, types)) - objects;
    if (outside > 0) left.push(leavesOut(pointerTo('/migrations', at, 'where'), outside));
  }
  return left.length > 0 ? refuse('ontology_breaks_data', left) : { working: draft.ontology, rules };
}

const everything: Condition = { all: [] };

/** A rule can mend values of properties; what stands against keys, links, uniqueness or whole types is to be mended before, by actions that know how. */
function writesWhatBreaks({ objectType, set = {}, unset = [] }: MigrationDefinition, fault: Fault): boolean {
  return [...Object.keys(set), ...unset].some(
    (property) => fault.pointer === pointerTo('/objectTypes', objectType, 'properties', property),
  );
}

function leavesOut(pointer: string, count: number): Fault {
  return { code: 'ontology_breaks_data', pointer, message: 'leaves out objects that do not fit', count };
}
