import type { Condition } from './condition.ts';
import type { LinkState, ObjectState } from './object-state.ts';

export type LinkEnd = 'from' | 'to';

/** A live thing that points at an object: a reference property, or a many-to-many row (then `type` is the link type and `property` is `$link`). */
export interface Referrer {
  type: string;
  id: string;
  property: string;
  target: string;
}

/**
 * One consistent state of the ontology, read asynchronously. Implementations MUST answer every call from the same state. They only read: what was read is
 * recorded by the read recorder wrapped around them.
 */
export interface Snapshot {
  /** Live objects by id; absent and deleted ids are missing from the map. */
  get(type: string, ids: readonly string[]): Promise<Map<string, ObjectState>>;
  /** The version of each id's existence: of its creation while it lives, of its deletion afterwards, 0 when it never existed. */
  existenceVersions(type: string, ids: readonly string[]): Promise<Map<string, number>>;
  /** Live objects that answer the condition, ordered by id in UTF-8 bytes; no more than `atMost`. */
  query(type: string, where: Condition, atMost?: number): Promise<ObjectState[]>;
  /** How many live objects answer the condition, counted no further than one above `atMost`. */
  count(type: string, where: Condition, atMost: number): Promise<number>;
  /** Live rows of a many-to-many link type whose `end` is one of the ids, ordered by (from, to). */
  links(link: string, end: LinkEnd, ids: readonly string[]): Promise<LinkState[]>;
  /** At most `limit` live things that point at these objects. */
  referrers(type: string, ids: readonly string[], limit: number): Promise<Referrer[]>;
  /** The counters of these types; 0 for a type nobody wrote yet. */
  typeCounters(types: readonly string[]): Promise<Record<string, number>>;
}
