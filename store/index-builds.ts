import type pg from 'pg';
import type { CompiledObjectType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import { lockDefinitionsShared } from './definitions-lock.ts';
import { isoTime } from './proposal-row.ts';
import { type Sql, withTenant } from './sql.ts';

/** What becomes of the indexes of a type: which there were, which are made otherwise now, and which the door itself looks into. */
export interface IndexChange {
  type: string;
  had: string[];
  remade: string[];
  needed: string[];
}

/**
 * Which indexes an upload has built or dropped. References and unique properties are complete at once, since executions are checked against their rows; the others are
 * made by a workflow, and queries do without them until then.
 */
export function indexChanges(before: CompiledOntology | null, after: CompiledOntology): IndexChange[] {
  const names = new Set([...after.objectTypes.keys(), ...(before?.objectTypes.keys() ?? [])]);
  return [...names].sort().flatMap((type) => {
    const [known, wanted] = [before?.objectTypes.get(type), after.objectTypes.get(type)];
    const remade = known === undefined || wanted === undefined ? [] : wanted.indexed.filter((p) => keysOf(known, p) !== keysOf(wanted, p));
    const needed = neededOf(wanted);
    const isSame = remade.length === 0 && known?.indexed.join() === wanted?.indexed.join() && neededOf(known).join() === needed.join();
    return isSame ? [] : [{ type, had: [...(known?.indexed ?? [])], remade, needed }];
  });
}

function neededOf(type: CompiledObjectType | undefined): string[] {
  return type === undefined ? [] : [...Object.keys(type.references), ...type.unique];
}

/** The kind of values that an index has keys for: each kind has keys of its own. */
function keysOf(type: CompiledObjectType, property: string): string {
  const definition = type.properties.get(property);
  return definition?.type === 'array' ? `array of ${definition.items.type}` : String(definition?.type);
}

export interface IndexProgress {
  property: string;
  /** `ready` and `dropped` are ends. */
  state: 'clearing' | 'building' | 'ready' | 'dropping' | 'dropped';
  scanned: number;
  total: number | null;
}

const batchObjects = 2_000; // Some tens of milliseconds, for which executions of the type wait.

/** The next batch of a type's indexes, in a transaction of its own; null when nothing is left. A repeat, or two at once, do no harm. */
export async function advanceIndexes(
  pool: pg.Pool,
  tenant: string,
  objectType: string,
  batch: number = batchObjects,
): Promise<IndexProgress | null> {
  return withTenant(pool, tenant, async (tx) => {
    await tx.rows(`SELECT 1 FROM ${lockDefinitionsShared}`);
    const [row] = await tx.rows<Omit<IndexProgress, 'scanned' | 'total'> & { scanned: string; total: string | null }>(
      'SELECT a.property, a.state, a.scanned, a.total FROM exequatur.advance_indexes($1, $2::int) a',
      [objectType, batch],
    );
    return row === undefined ? null : { ...row, scanned: Number(row.scanned), total: row.total === null ? null : Number(row.total) };
  });
}

export interface IndexView {
  type: string;
  property: string;
  state: 'building' | 'ready' | 'dropping';
  /** Objects while it is built, index rows while it is dropped. Null where it was complete from its beginning. */
  scanned: number | null;
  total: number | null;
  startedAt: string | null;
  finishedAt: string | null;
}

/** Every index that the definitions want, and every one that is still being dropped. */
export async function listIndexes(tx: Sql): Promise<IndexView[]> {
  const rows = await tx.rows<Omit<IndexView, 'scanned' | 'total'> & { scanned: string | null; total: string | null }>(
    `SELECT coalesce(i.type, b.type::text) AS type, coalesce(i.property, b.property::text) AS property,
            CASE coalesce(b.state, 'ready') WHEN 'clearing' THEN 'building' ELSE coalesce(b.state, 'ready') END AS state,
            b.scanned, b.total, ${isoTime('b.started_at')} AS "startedAt", ${isoTime('b.finished_at')} AS "finishedAt"
       FROM (SELECT t.name AS type, p.property FROM exequatur.object_type t CROSS JOIN LATERAL unnest(t.indexed) p(property)) i
       FULL JOIN exequatur.index_build b ON b.type = i.type COLLATE "C" AND b.property = i.property COLLATE "C"
      ORDER BY 1, 2`,
  );
  const count = (text: string | null) => (text === null ? null : Number(text));
  return rows.map((row) => ({ ...row, scanned: count(row.scanned), total: count(row.total) }));
}
