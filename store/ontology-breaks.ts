import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { OntologyChange } from '../ontology/diff-ontology.ts';
import { pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { findLinkMisfits } from './link-misfits.ts';
import { findMisfits } from './object-misfits.ts';
import { broken, offenders, shownObjects } from './offenders.ts';
import type { Sql } from './sql.ts';

/**
 * What live data would not fit under the new definitions, as faults that point into the new document (or to where something was), each with the number of objects and
 * ten of them. Looks only where the diff names something that breaks; holds one batch of objects and never all ids. MUST run where no execution can commit meanwhile.
 */
export async function findBreaks(
  tx: Sql,
  before: CompiledOntology,
  after: CompiledOntology,
  changes: readonly OntologyChange[],
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [name, old] of before.objectTypes) {
    const pointer = pointerTo('/objectTypes', name);
    const now = after.objectTypes.get(name);
    if (now === undefined) {
      faults.push(...(await liveObjects(tx, name, pointer, 'objects of this type exist')));
    } else if (old.key !== now.key) {
      faults.push(...(await liveObjects(tx, name, `${pointer}/key`, 'objects exist whose ids come from the key')));
    } else {
      const suspects = suspectsOf(`${pointer}/properties`, changes);
      if (suspects.length > 0) faults.push(...(await findMisfits(tx, old, now, suspects)));
      for (const property of now.unique) {
        if (!old.unique.includes(property)) faults.push(...(await sharedValues(tx, name, property, uniquePointer(after, name, property))));
      }
    }
  }
  return [...faults, ...(await findLinkMisfits(tx, before, after))];
}

/** Changes that concern who sees or reads a value and not which values there are. */
const aboutNoValue: ReadonlySet<string> = new Set(['unique_added', 'sensitive_added', 'unit_changed']);

/** Names of the properties below `pointer` whose values may not fit. */
export function suspectsOf(pointer: string, changes: readonly OntologyChange[]): string[] {
  const names = changes.flatMap((change) => {
    if (change.impact !== 'breaking' || aboutNoValue.has(change.code) || !change.pointer.startsWith(`${pointer}/`)) return [];
    return change.pointer.slice(pointer.length + 1).split('/', 1); // Names of properties are identifiers, in which a pointer escapes nothing.
  });
  return [...new Set(names)];
}

async function liveObjects(tx: Sql, type: string, pointer: string, message: string): Promise<Fault[]> {
  const found = await offenders(tx, 'exequatur.object o WHERE o.type = $1 AND o.alive', 'o.id', [type]);
  return broken(pointer, message, type, found);
}

/**
 * Over the values themselves, since index rows hold no more than the beginning of a long text. PostgreSQL groups them, on disk where they are many; objects are joined to a
 * handful of shared values alone, which stay side by side.
 */
async function sharedValues(tx: Sql, type: string, property: string, pointer: string): Promise<Fault[]> {
  const shared = `SELECT o.properties -> $2::text AS value, count(*) AS objects FROM exequatur.object o
                   WHERE o.type = $1 AND o.alive AND o.properties ? $2::text GROUP BY 1 HAVING count(*) > 1`;
  const [row] = await tx.rows<{ count: string }>(`SELECT coalesce(sum(s.objects), 0) AS count FROM (${shared}) s`, [type, property]);
  const count = Number(row?.count ?? 0);
  if (count === 0) return [];
  const shown = await tx.rows<{ id: string }>(
    `WITH shared AS MATERIALIZED (${shared} ORDER BY 1 LIMIT ${shownObjects})
     SELECT o.id FROM shared s JOIN exequatur.object o ON o.properties -> $2::text = s.value WHERE o.type = $1 AND o.alive ORDER BY s.value, o.id LIMIT ${shownObjects}`,
    [type, property],
  );
  return broken(pointer, 'objects share a value', type, { count, ids: shown.map(({ id }) => id) }, property);
}

/** Where it is said that the property is unique: at itself, or at the one-to-one link that it holds. */
function uniquePointer(after: CompiledOntology, type: string, property: string): string {
  if (after.objectTypes.get(type)?.properties.get(property)?.unique)
    return pointerTo('/objectTypes', type, 'properties', property, 'unique');
  const link = [...after.linkTypes.values()].find(
    ({ cardinality, to, via }) => cardinality === 'one-to-one' && to === type && via === property,
  );
  return pointerTo('/linkTypes', link?.name ?? '', 'cardinality');
}
