import { canonicalText } from '../ontology/canonical-json.ts';
import type { CompiledLinkType, CompiledObjectType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import { type JsonObject, pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { normaliseValue } from '../ontology/value.ts';
import type { Sql } from './sql.ts';

const batch = 2_000; // Objects read at a time; a type may have millions, and each is looked at once.

/**
 * What live data would no longer fit under the new definitions, as faults that point into the new document. Looks only at types whose meaning changed. MUST run where
 * no execution can commit meanwhile.
 */
export async function findBreaks(tx: Sql, before: CompiledOntology, after: CompiledOntology): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [name, old] of before.objectTypes) faults.push(...(await breaksOfObjectType(tx, name, old, after.objectTypes.get(name))));
  for (const [name, old] of before.linkTypes) {
    if (old.cardinality === 'many-to-many') faults.push(...(await breaksOfLinkRows(tx, name, old, after.linkTypes.get(name))));
  }
  for (const [name, link] of after.linkTypes) {
    if (link.cardinality === 'one-to-one' && before.linkTypes.get(name)?.cardinality !== 'one-to-one')
      faults.push(...(await sharedTargets(tx, name, link)));
  }
  return faults;
}

async function breaksOfObjectType(tx: Sql, name: string, old: CompiledObjectType, now: CompiledObjectType | undefined): Promise<Fault[]> {
  const pointer = pointerTo('/objectTypes', name);
  if (now === undefined) return (await hasObjects(tx, name)) ? [broken(pointer, 'objects of this type exist')] : [];
  if (meaningOf(old) === meaningOf(now)) return [];
  if (old.key !== now.key)
    return (await hasObjects(tx, name)) ? [broken(`${pointer}/key`, 'objects exist whose ids come from the key')] : [];
  const faults = new Map<string, Fault>();
  for (let after = ''; ; ) {
    const objects = await tx.rows<{ id: string; properties: JsonObject }>(
      'SELECT o.id, o.properties FROM exequatur.object o WHERE o.type = $1 AND o.id > $2 AND o.alive ORDER BY o.id LIMIT $3::int',
      [name, after, batch],
    );
    for (const object of objects) {
      for (const [property, message] of misfits(object.properties, old, now)) {
        if (!faults.has(property))
          faults.set(property, {
            ...broken(pointerTo(pointer, 'properties', property), message),
            objects: [{ type: name, id: object.id, property }],
          });
      }
    }
    const last = objects.at(-1);
    if (last === undefined || objects.length < batch) return [...faults.values()];
    after = last.id;
  }
}

function* misfits(
  properties: JsonObject,
  old: CompiledObjectType,
  now: CompiledObjectType,
): Generator<[property: string, message: string]> {
  for (const [property, value] of Object.entries(properties)) {
    const definition = now.properties.get(property);
    if (definition === undefined) {
      yield [property, 'objects have a value for this property'];
      continue;
    }
    const outcome = normaliseValue(definition, value);
    if ('refused' in outcome) yield [property, `an object's value ${outcome.refused}`];
    else if (canonicalText(outcome.value) !== canonicalText(value)) yield [property, "an object's value would be stored differently"];
    else if (now.references[property] !== old.references[property]) yield [property, 'objects refer to another type with it'];
  }
  for (const [property, definition] of now.properties) {
    if (definition.required && properties[property] === undefined) yield [property, 'is required, and an object has no value for it'];
  }
}

async function breaksOfLinkRows(tx: Sql, name: string, old: CompiledLinkType, now: CompiledLinkType | undefined): Promise<Fault[]> {
  if (now?.cardinality === 'many-to-many' && now.from === old.from && now.to === old.to) return [];
  const [row] = await tx.rows('SELECT 1 FROM exequatur.link l WHERE l.link = $1 AND l.alive LIMIT 1', [name]);
  return row === undefined ? [] : [broken(pointerTo('/linkTypes', name), 'links of this type exist')];
}

/** References are always indexed, so their index rows say what is shared. */
async function sharedTargets(tx: Sql, name: string, link: CompiledLinkType): Promise<Fault[]> {
  const [row] = await tx.rows(
    'SELECT i.key FROM exequatur.object_index i WHERE i.type = $1 AND i.property = $2 GROUP BY i.key HAVING count(*) > 1 LIMIT 1',
    [link.to, link.via],
  );
  return row === undefined ? [] : [broken(`${pointerTo('/linkTypes', name)}/cardinality`, 'an object is linked more than once')];
}

async function hasObjects(tx: Sql, type: string): Promise<boolean> {
  return (await tx.rows('SELECT 1 FROM exequatur.object o WHERE o.type = $1 AND o.alive LIMIT 1', [type])).length > 0;
}

/** Titles and descriptions carry no meaning. */
function meaningOf(type: CompiledObjectType): string {
  const properties = Object.fromEntries(
    [...type.properties].map(([name, { title: _title, description: _description, ...rest }]) => [name, rest]),
  );
  return canonicalText({ key: type.key ?? null, properties, references: type.references });
}

function broken(pointer: string, message: string): Fault {
  return { code: 'ontology_breaks_data', pointer, message };
}
