import type { CompiledObjectType } from '../ontology/compiled-ontology.ts';
import { isSame } from '../ontology/diff-walk.ts';
import { type JsonObject, type JsonValue, pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { normaliseValue } from '../ontology/value.ts';
import { broken, type Offenders, shownObjects } from './offenders.ts';
import type { Sql } from './sql.ts';

const batch = 2_000; // Objects read at a time; a type may have millions, and each is looked at once.

/** Values of the suspected properties that do not fit the new definition. Of each object those properties alone are read. */
export async function findMisfits(
  tx: Sql,
  old: CompiledObjectType,
  now: CompiledObjectType,
  suspects: readonly string[],
): Promise<Fault[]> {
  const found = new Map<string, Offenders & Misfit>();
  const others = [...new Set([...old.properties.keys(), ...now.properties.keys()])].filter((name) => !suspects.includes(name));
  for (let after = ''; ; ) {
    const objects = await tx.rows<{ id: string; properties: JsonObject }>(
      'SELECT o.id, o.properties - $4::text[] AS properties FROM exequatur.object o WHERE o.type = $1 AND o.id > $2 AND o.alive ORDER BY o.id LIMIT $3::int',
      [now.name, after, batch, others],
    );
    for (const { id, properties } of objects) {
      for (const property of suspects) note(found, id, misfitOf(property, properties[property], old, now));
    }
    const last = objects.at(-1);
    if (last === undefined || objects.length < batch) break;
    after = last.id;
  }
  const pointer = pointerTo('/objectTypes', now.name, 'properties');
  return [...found.values()].flatMap((misfit) =>
    broken(pointerTo(pointer, misfit.property), misfit.message, now.name, misfit, misfit.property),
  );
}

/** `reason` tells apart what is counted apart; `message` is of the first object that has it. */
interface Misfit {
  property: string;
  reason: string;
  message: string;
}

function note(found: Map<string, Offenders & Misfit>, id: string, misfit: Misfit | null): void {
  if (misfit === null) return;
  const key = `${misfit.property} ${misfit.reason}`;
  const known = found.get(key) ?? { ...misfit, count: 0, ids: [] };
  found.set(key, known);
  known.count++;
  if (known.ids.length < shownObjects) known.ids.push(id);
}

/** What does not fit of the value of one property; null where it fits. */
export function misfitOf(property: string, value: JsonValue | undefined, old: CompiledObjectType, now: CompiledObjectType): Misfit | null {
  const definition = now.properties.get(property);
  if (value === undefined) {
    return definition?.required ? { property, reason: 'absent', message: 'is required, and objects have no value for it' } : null;
  }
  if (definition === undefined) return { property, reason: 'removed', message: 'objects have a value for this property' };
  if (now.references[property] !== old.references[property])
    return { property, reason: 'retargeted', message: 'objects refer to another type with it' };
  const outcome = normaliseValue(definition, value);
  if ('refused' in outcome) return { property, reason: 'refused', message: `an object's value ${outcome.refused}` };
  return isKept(value, outcome.value) ? null : { property, reason: 'altered', message: "an object's value would be stored differently" };
}

/** Whether the stored form holds all of a value as it is. Fields may come to it: their defaults are taken when the value is next written. */
function isKept(value: JsonValue, stored: JsonValue): boolean {
  if (Array.isArray(value) && Array.isArray(stored))
    return value.length === stored.length && value.every((item, at) => isKept(item, stored[at] ?? null));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return isSame(value, stored);
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return false;
  return Object.entries(value).every(([name, inner]) => Object.hasOwn(stored, name) && isKept(inner, stored[name] ?? null));
}
