import type { CompiledLinkType } from '../ontology/compiled-ontology.ts';
import type { JsonValue } from '../ontology/json.ts';
import { type ObjectPage, readObjectPage } from './list-objects.ts';
import { pageSizeOf, pageToken, readPage, readPageToken } from './page-token.ts';
import { getObject, type ObjectView, objectViewJson } from './read-object.ts';
import type { Page } from './read-plan.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

const byId = { property: 'id', descending: false };

/**
 * The objects linked to one object, ordered by id. A link type is walked from whichever end the object's type is on; one from a type to itself from `from` to `to`,
 * and the other way with `reverse`.
 */
export async function readLinks(
  tx: Tx,
  type: string,
  id: string,
  linkName: string,
  page: Page & { reverse?: boolean },
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<ObjectPage | Refusal> {
  const loaded = await deps.ontologies.load(tx);
  if (loaded === null || !loaded.ontology.objectTypes.has(type)) return refuse('unknown_object_type');
  const link = loaded.ontology.linkTypes.get(linkName);
  if (link === undefined || (link.from !== type && link.to !== type)) return refuse('unknown_link_type');
  const object = await getObject(tx, type, id);
  if ('refused' in object) return object;
  const forward = link.from === type && !(link.to === type && page.reverse === true);
  if (link.via === undefined) return readLinkedByRows(tx, link, forward, id, page);
  if (forward) return readObjectPage(tx, link.to, { property: link.via, op: 'eq', value: id }, byId, page);
  return readReferred(tx, link.from, object.properties[link.via]);
}

/** From the many side there is at most one. */
async function readReferred(tx: Tx, type: string, id: JsonValue | undefined): Promise<ObjectPage> {
  const object = typeof id === 'string' ? await getObject(tx, type, id) : null;
  return { objects: object === null || 'refused' in object ? [] : [object], nextPageToken: null };
}

async function readLinkedByRows(tx: Tx, link: CompiledLinkType, forward: boolean, id: string, page: Page): Promise<ObjectPage | Refusal> {
  const query = { link: link.name, forward, id };
  const start = page.pageToken === undefined ? { after: '' } : readPageToken(query, page.pageToken);
  if (start === null || typeof start.after !== 'string') return refuse('invalid_page_token');
  const pageSize = pageSizeOf(page.pageSize);
  const [near, far] = forward ? ['from_id', 'to_id'] : ['to_id', 'from_id'];
  const after = start.after;
  const sql = `SELECT ${objectViewJson} AS object
       FROM exequatur.link l JOIN exequatur.object o ON o.tenant_id = l.tenant_id AND o.type = $1 AND o.id = l.${far} AND o.alive
      WHERE l.link = $2 AND l.${near} = $3 AND l.${far} > $4 AND l.alive ORDER BY l.${far} LIMIT $5::int`;
  const values = [forward ? link.to : link.from, link.name, id, after, pageSize + 1];
  const rows = await readPage(tx, page.pageToken, () => tx.rows<{ object: ObjectView }>(sql, values));
  if (isRefusal(rows)) return rows;
  const objects = rows.slice(0, pageSize).map(({ object }) => object);
  const last = objects.at(-1);
  return { objects, nextPageToken: rows.length > pageSize && last !== undefined ? pageToken(query, last.id) : null };
}
