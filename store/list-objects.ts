import { compileFilter } from '../ontology/compile-filter.ts';
import type { CompiledObjectType } from '../ontology/compiled-ontology.ts';
import type { Condition } from '../ontology/condition.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { type ExpandedObject, expandLinks, linksNamed, mostExpanded } from './expand-links.ts';
import { pageSizeOf, pageToken, readPage, readPageToken } from './page-token.ts';
import type { ObjectView } from './read-object.ts';
import { objectViewJson } from './read-object.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';
import { valueAtVersion } from './value-at-version.ts';

export interface ObjectQuery {
  /** CEL over the object's properties. */
  filter?: string;
  /** A property, or `id`; ` desc` behind it turns the order, that of the ids too. Objects without the property come last. */
  orderBy?: string;
  /** Names of the properties to show, with commas between; all of them unless told. */
  select?: string;
  /** Names of links, with commas between: each object then carries what it is linked to by them. */
  expand?: string;
  /** Whether to count what the filter selects. */
  count?: boolean;
  pageSize?: number;
  pageToken?: string;
}

export interface ObjectPage {
  objects: ExpandedObject[];
  nextPageToken: string | null;
  /** How many objects the filter selects over all pages. */
  totalCount?: number;
  /** There are more than `totalCount`: counting ended there. */
  totalCountIsLowerBound?: boolean;
}

/** Counting reads every object that it counts, some 20 ms for so many; nobody can tell more of them apart at a glance. */
const countedAtMost = 10_000;

export interface Order {
  property: string;
  descending: boolean;
  /** The property is sensitive: page tokens then name the object's version instead of the value, since they end up in addresses and in others' logs. */
  sensitive?: true;
}

/** Live objects of a type that answer the filter, in the order asked for and then by id. A token continues exactly the query it came from. */
export async function listObjects(
  tx: Tx,
  type: string,
  query: ObjectQuery,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<ObjectPage | Refusal> {
  const loaded = await deps.ontologies.load(tx);
  const objectType = loaded?.ontology.objectTypes.get(type);
  if (loaded === null || objectType === undefined) return refuse('unknown_object_type');
  const order = orderOf(objectType, query.orderBy);
  if ('message' in order) return refuse('malformed_request', [order]);
  let where: Condition = { all: [] };
  if (query.filter !== undefined && query.filter !== '') {
    const filter = compileFilter(loaded.ontology, type, query.filter);
    if (!filter.ok) return refuse('invalid_filter', filter.faults);
    where = filter.condition;
  }
  const selected = query.select?.split(',').map((name) => name.trim());
  const unknown = selected?.filter((name) => !objectType.properties.has(name)) ?? [];
  if (unknown.length > 0)
    return refuse(
      'malformed_request',
      unknown.map((name) => malformed('/select', `${type} has no property ${name}`)),
    );
  const expanded = query.expand === undefined ? { links: [] } : linksNamed(loaded.ontology, type, query.expand);
  if ('refused' in expanded) return refuse('malformed_request', [malformed('/expand', expanded.refused)]);
  const { links } = expanded;
  const asked = links.length === 0 ? query : { ...query, pageSize: Math.min(pageSizeOf(query.pageSize), mostExpanded) };
  const page = await readObjectPage(tx, type, where, order, asked);
  if (isRefusal(page)) return page;
  const objects = links.length === 0 ? page.objects : await expandLinks(tx, type, links, page.objects);
  const shown = { ...page, objects: selected === undefined ? objects : objects.map((object) => withProperties(object, selected)) };
  return query.count === true ? { ...shown, ...(await countObjects(tx, type, where)) } : shown;
}

async function countObjects(tx: Tx, type: string, where: Condition): Promise<{ totalCount: number; totalCountIsLowerBound: boolean }> {
  const [row] = await tx.rows<{ counted: number }>(`SELECT exequatur.count_objects($1, $2::jsonb, $3::int)::int AS counted`, [
    type,
    JSON.stringify(where),
    countedAtMost,
  ]);
  const counted = row?.counted ?? 0;
  return { totalCount: Math.min(counted, countedAtMost), totalCountIsLowerBound: counted > countedAtMost };
}

function withProperties(object: ExpandedObject, names: readonly string[]): ExpandedObject {
  return { ...object, properties: Object.fromEntries(Object.entries(object.properties).filter(([name]) => names.includes(name))) };
}

function malformed(pointer: string, message: string): Fault {
  return { code: 'malformed_request', pointer, message };
}

/** One page by keyset. `where` is compiled, so it names only properties that the type has. */
export async function readObjectPage(
  tx: Tx,
  type: string,
  where: Condition,
  order: Order,
  page: { pageSize?: number; pageToken?: string },
): Promise<ObjectPage | Refusal> {
  const query = { type, where: where as JsonValue, ...order };
  const start = page.pageToken === undefined ? { after: null } : readPageToken(query, page.pageToken);
  if (start === null) return refuse('invalid_page_token');
  const key = start.after === null && page.pageToken === undefined ? [null, null] : keyOf(start.after);
  if (key === null) return refuse('invalid_page_token');
  const [seen, id] = key;
  const value =
    order.sensitive && Number.isSafeInteger(seen) ? await valueAtVersion(tx, type, id ?? '', seen as number, order.property) : seen;
  const pageSize = pageSizeOf(page.pageSize);
  const rows = await readPage(tx, page.pageToken, () =>
    tx.rows<{ object: ObjectView }>(
      `SELECT ${objectViewJson} AS object FROM exequatur.list_objects($1, $2::jsonb, $3, $4::boolean, $5::jsonb, $6, $7::int) o`,
      [type, JSON.stringify(where), order.property, order.descending, JSON.stringify(value), id, pageSize + 1],
    ),
  );
  if (isRefusal(rows)) return rows;
  const objects = rows.slice(0, pageSize).map(({ object }) => object);
  const last = objects.at(-1);
  const hasMore = rows.length > pageSize && last !== undefined;
  return { objects, nextPageToken: hasMore ? pageToken(query, [orderedValue(last, order), last.id]) : null };
}

/** The last value and id seen, as `orderedValue` and the page before wrote them. */
function keyOf(after: JsonValue): [value: JsonValue, id: string] | null {
  if (!Array.isArray(after) || after.length !== 2) return null;
  const [value = null, id] = after;
  return typeof id === 'string' && (value === null || typeof value !== 'object') ? [value, id] : null;
}

function orderedValue(object: ObjectView, order: Order): JsonValue {
  if (order.sensitive) return object.version;
  return order.property === 'id' ? null : (object.properties[order.property] ?? null);
}

function orderOf(type: CompiledObjectType, orderBy: string | undefined): Order | Fault {
  if (orderBy === undefined || orderBy.trim() === '') return { property: 'id', descending: false };
  const [property = '', direction = 'asc', ...rest] = orderBy.trim().split(/\s+/);
  const definition = type.properties.get(property);
  const refused = (message: string) => malformed('/orderBy', message);
  if (rest.length > 0 || (direction !== 'asc' && direction !== 'desc')) return refused('must be a property, or a property and desc');
  if (property !== 'id' && definition === undefined) return refused(`${type.name} has no property ${property}`);
  if (definition?.type === 'array' || definition?.type === 'struct' || definition?.type === 'geopoint') {
    return refused(`a ${definition.type} has no order`);
  }
  return { property, descending: direction === 'desc', ...(definition?.sensitive ? { sensitive: true as const } : {}) };
}
