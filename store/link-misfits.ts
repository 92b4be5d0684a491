import type { CompiledLinkType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import { pointerTo } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { broken, offenders } from './offenders.ts';
import type { Sql } from './sql.ts';

/** Links that would be of no type any more, and objects that lack one which is now required. */
export async function findLinkMisfits(tx: Sql, before: CompiledOntology, after: CompiledOntology): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [name, old] of before.linkTypes) {
    if (old.cardinality === 'many-to-many') faults.push(...(await strandedRows(tx, old, after.linkTypes.get(name))));
  }
  for (const [name, now] of after.linkTypes) {
    const old = before.linkTypes.get(name);
    for (const end of now.requiredEnds) {
      if (!(old?.requiredEnds.includes(end) && isSameLink(old, now))) faults.push(...(await unlinkedObjects(tx, now, end)));
    }
  }
  return faults;
}

async function strandedRows(tx: Sql, old: CompiledLinkType, now: CompiledLinkType | undefined): Promise<Fault[]> {
  if (now !== undefined && isSameLink(old, now)) return [];
  const rows = '(SELECT l.from_id AS id, l.to_id FROM exequatur.link l WHERE l.link = $1 AND l.alive) o';
  return broken(
    pointerTo('/linkTypes', old.name),
    'links of this type exist',
    old.from,
    await offenders(tx, rows, 'o.id, o.to_id', [old.name]),
  );
}

function isSameLink(old: CompiledLinkType, now: CompiledLinkType): boolean {
  const isRows = (link: CompiledLinkType) => link.cardinality === 'many-to-many';
  return isRows(old) === isRows(now) && old.from === now.from && old.to === now.to && old.via === now.via;
}

/**
 * Links that are properties are references, which always have index rows; their key is the id that is referred to. Their other end must have the property, which is
 * looked at with the object. With its LIMIT the inner query stays one look-up for each object: as NOT EXISTS it becomes a join, which goes through all pairs while the
 * statistics are older than a bulk load.
 */
async function unlinkedObjects(tx: Sql, link: CompiledLinkType, end: 'from' | 'to'): Promise<Fault[]> {
  if (link.via !== undefined && end === 'to') return [];
  const linked =
    link.via === undefined
      ? `SELECT true FROM exequatur.link l WHERE l.link = $2 AND l.${end}_id = o.id AND l.alive LIMIT 1`
      : 'SELECT true FROM exequatur.object_index i WHERE i.type = $2 AND i.property = $3 AND i.key = o.id LIMIT 1';
  const values = link.via === undefined ? [link[end], link.name] : [link[end], link.to, link.via];
  const found = await offenders(tx, `exequatur.object o WHERE o.type = $1 AND o.alive AND (${linked}) IS NULL`, 'o.id', values);
  return broken(pointerTo('/linkTypes', link.name, 'requiredEnds'), `objects have no ${link.name}`, link[end], found);
}
