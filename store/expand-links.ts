import type { CompiledLinkType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { JsonValue } from '../ontology/json.ts';
import { type ObjectView, objectViewJson } from './read-object.ts';
import type { Sql } from './sql.ts';

interface LinkedObjects {
  objects: ObjectView[];
  /** There are more: read the link itself, which has pages. */
  truncated: boolean;
}

export type ExpandedObject = ObjectView & { links?: Record<string, LinkedObjects> };

/** Of each link of each object: with the bounds on the page and on the number of links, what one response can carry. */
const mostLinked = 100;

/** Pages whose objects carry linked ones are this long at most. */
export const mostExpanded = 100;
const mostLinks = 5;

/** Names of link types, with commas between; those that objects of this type are not on are told. */
export function linksNamed(ontology: CompiledOntology, type: string, expand: string): { links: CompiledLinkType[] } | { refused: string } {
  const names = [...new Set(expand.split(',').map((name) => name.trim()))];
  const links = names.map((name) => linkFrom(ontology, type, name));
  const unknown = names.find((_, at) => links[at] === null);
  if (unknown !== undefined) return { refused: `${type} has no link ${unknown}` };
  return names.length > mostLinks ? { refused: `must name at most ${mostLinks} links` } : { links: links.filter((link) => link !== null) };
}

/** Each object with what it is linked to by each of the links: one statement per link for the whole page. */
export async function expandLinks(
  tx: Sql,
  type: string,
  links: readonly CompiledLinkType[],
  objects: readonly ObjectView[],
): Promise<ExpandedObject[]> {
  const linked = await Promise.all(links.map((link) => readLinked(tx, type, link, objects)));
  return objects.map((object, at) => ({
    ...object,
    links: Object.fromEntries(links.map(({ name }, which) => [name, linked[which]?.[at] ?? { objects: [], truncated: false }])),
  }));
}

/** A link type that objects of this type are on; one from a type to itself is walked from `from` to `to`. */
function linkFrom(ontology: CompiledOntology, type: string, name: string): CompiledLinkType | null {
  const link = ontology.linkTypes.get(name);
  return link !== undefined && (link.from === type || link.to === type) ? link : null;
}

/** What each of these objects is linked to, by id, in one statement for all of them. */
async function readLinked(tx: Sql, type: string, link: CompiledLinkType, objects: readonly ObjectView[]): Promise<LinkedObjects[]> {
  const forward = link.from === type;
  const far = forward ? link.to : link.from;
  const nears = objects.map(({ id, properties }) => (link.via !== undefined && !forward ? reference(properties[link.via]) : id));
  const rows = await tx.rows<{ at: number; object: ObjectView }>(
    `SELECT n.at::int, ${objectViewJson} AS object
       FROM unnest($1::text[]) WITH ORDINALITY n(id, at) CROSS JOIN LATERAL (${farIds(link, forward)}) l
       JOIN exequatur.object o ON o.tenant_id = (SELECT current_setting('app.tenant')::uuid) AND o.type = $2 AND o.id = l.id AND o.alive
      WHERE n.id IS NOT NULL AND $3::text IS NOT NULL AND $4::int > 0 ORDER BY n.at, o.id`,
    [nears, far, link.via ?? link.name, mostLinked + 1],
  );
  const found = objects.map((): ObjectView[] => []);
  for (const { at, object } of rows) found[at - 1]?.push(object);
  return found.map((linked) => ({ objects: linked.slice(0, mostLinked), truncated: linked.length > mostLinked }));
}

/** Far ends of one near end `n.id`, no more than asked. A reference has index rows always, and its key is the id. */
function farIds(link: CompiledLinkType, forward: boolean): string {
  if (link.via !== undefined && !forward) return 'SELECT n.id COLLATE "C" AS id';
  if (link.via !== undefined) {
    const isReady = '(SELECT exequatur.is_walkable($2, $3))'; // Asked once per statement; while the index is being built, each near end asks by the property itself.
    return `(SELECT i.object_id AS id FROM exequatur.object_index i WHERE ${isReady} AND i.tenant_id = (SELECT current_setting('app.tenant')::uuid)
               AND i.type = $2 AND i.property = $3 AND i.key = n.id COLLATE "C" ORDER BY i.object_id LIMIT $4::int)
            UNION ALL
            SELECT q.id FROM exequatur.list_objects($2, jsonb_build_object('property', $3::text, 'op', 'eq', 'value', n.id), 'id', false, NULL, NULL, $4::int) q WHERE NOT ${isReady}`;
  }
  const [near, other] = forward ? ['from_id', 'to_id'] : ['to_id', 'from_id'];
  return `SELECT k.${other} AS id FROM exequatur.link k WHERE k.tenant_id = (SELECT current_setting('app.tenant')::uuid)
            AND k.link = $3 AND k.${near} = n.id COLLATE "C" AND k.alive ORDER BY k.${other} LIMIT $4::int`;
}

function reference(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
