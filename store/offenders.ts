import type { Fault } from '../ontology/plan.ts';
import type { Sql } from './sql.ts';

/** How many of the objects that stand against a definition are named; the count tells of all. */
export const shownObjects = 10;

export interface Offenders {
  count: number;
  ids: string[];
}

/** Counts the rows of a FROM clause whose rows `o` have an `id`, and names the first. Two statements, so that nobody holds all ids. */
export async function offenders(tx: Sql, from: string, order: string, values: readonly unknown[]): Promise<Offenders> {
  const [row] = await tx.rows<{ count: string }>(`SELECT count(*) AS count FROM ${from}`, values);
  const count = Number(row?.count ?? 0);
  if (count === 0) return { count, ids: [] };
  const shown = await tx.rows<{ id: string }>(`SELECT o.id FROM ${from} ORDER BY ${order} LIMIT ${shownObjects}`, values);
  return { count, ids: shown.map(({ id }) => id) };
}

/** The fault that they make; none when there are none. */
export function broken(pointer: string, message: string, type: string, { count, ids }: Offenders, property?: string): Fault[] {
  if (count === 0) return [];
  const objects = ids.map((id) => ({ type, id, ...(property === undefined ? {} : { property }) }));
  return [{ code: 'ontology_breaks_data', pointer, message, objects, count }];
}
