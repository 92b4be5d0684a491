import type { CompiledObjectType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { OntologyChange } from '../ontology/diff-ontology.ts';
import type { MigrationRule } from '../ontology/draft-migrations.ts';
import { type JsonObject, pointerTo } from '../ontology/json.ts';
import { misfitOf } from './object-misfits.ts';
import { suspectsOf } from './ontology-breaks.ts';
import type { Sql } from './sql.ts';

/** A type before and after, and which of its properties may have values that no longer fit. */
export interface RetypedObjects {
  old: CompiledObjectType;
  now: CompiledObjectType;
  suspects: readonly string[];
}

export function retypedObjects(
  type: string,
  before: CompiledOntology,
  after: CompiledOntology,
  changes: readonly OntologyChange[],
): RetypedObjects {
  const [old, now] = [before.objectTypes.get(type), after.objectTypes.get(type)];
  if (old === undefined || now === undefined) throw new Error(`${type} is not in both documents`);
  return { old, now, suspects: suspectsOf(pointerTo('/objectTypes', type, 'properties'), changes) };
}

export interface OffendersPage {
  /** At most as many as one batch of the rule takes. */
  ids: string[];
  /** Where the next search goes on; null when every object was looked at. */
  after: string | null;
}

const page = 2_000;

/**
 * The next objects, by id, that the rule is for and that do not fit the new definition. Asks the data and no list of what was done: objects that a batch brought to fit,
 * or somebody else, are passed over, so that whoever begins again goes on with what is left.
 */
export async function nextOffenders(
  tx: Sql,
  rule: Pick<MigrationRule, 'objectType' | 'where' | 'batch'>,
  types: RetypedObjects,
  after: string | null,
): Promise<OffendersPage> {
  const ids: string[] = [];
  for await (const id of offendersAfter(tx, rule, types, after)) {
    ids.push(id);
    if (ids.length === rule.batch) return { ids, after: id };
  }
  return { ids, after: null };
}

export async function countOffenders(tx: Sql, rule: Pick<MigrationRule, 'objectType' | 'where'>, types: RetypedObjects): Promise<number> {
  let count = 0;
  for await (const _ of offendersAfter(tx, rule, types, null)) count++;
  return count;
}

/** Which of these objects, where they still exist, do not fit. */
export async function offendersAmong(tx: Sql, ids: readonly string[], types: RetypedObjects): Promise<string[]> {
  const objects = await tx.rows<{ id: string; properties: JsonObject }>(
    'SELECT o.id, o.properties FROM exequatur.object o WHERE o.type = $1 AND o.id = ANY ($2::text[]) AND o.alive ORDER BY o.id',
    [types.now.name, ids],
  );
  return objects.filter(({ properties }) => isMisfit(properties, types)).map(({ id }) => id);
}

async function* offendersAfter(
  tx: Sql,
  { objectType, where }: Pick<MigrationRule, 'objectType' | 'where'>,
  types: RetypedObjects,
  after: string | null,
): AsyncGenerator<string> {
  for (let last = after; ; ) {
    const objects = await tx.rows<{ id: string; properties: JsonObject }>(
      `SELECT o.id, o.properties FROM exequatur.list_objects($1, $2::jsonb, 'id', false, NULL, $3, $4::int) o`,
      [objectType, JSON.stringify(where), last, page],
    );
    for (const { id, properties } of objects) if (isMisfit(properties, types)) yield id;
    const end = objects.at(-1);
    if (end === undefined || objects.length < page) return;
    last = end.id;
  }
}

function isMisfit(properties: JsonObject, { old, now, suspects }: RetypedObjects): boolean {
  return suspects.some((property) => misfitOf(property, properties[property], old, now) !== null);
}
