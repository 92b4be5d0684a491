import type { Actor } from '../ontology/authority.ts';
import type { Sql } from './sql.ts';
import { readActors } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** Whether the actor is the second of two people who let something go on: the first could still ask, and neither stands behind the other. */
export async function isSecondPerson(tx: Sql, askedBy: string, actor: Actor, deps: Pick<StoreDeps, 'decide'>): Promise<boolean> {
  const first = (await readActors(tx, [askedBy])).get(askedBy);
  if (first === undefined || !deps.decide({ action: 'switch:put', actor: first, off: false }).allowed) return false;
  const [side] = await tx.rows<{ ids: string[] }>('SELECT ARRAY(SELECT b FROM exequatur.stands_behind($1, NULL) b) AS ids', [askedBy]);
  return side !== undefined && ![actor.id, actor.person, actor.actsFor].some((who) => who !== null && side.ids.includes(who));
}
