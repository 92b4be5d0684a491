import { canonicalText, sha256Hex } from './canonical-json.ts';
import type { Condition } from './condition.ts';
import { compareText } from './json.ts';
import { existence, type LinkState, type ObjectState, propertyVersion } from './object-state.ts';
import type { ReadQuery, ReadSet } from './plan.ts';
import type { LinkEnd, Snapshot } from './snapshot.ts';

/**
 * Wraps a snapshot and remembers what was read of it: which version of which property, which ids were found absent, and what queries selected. Every object is
 * loaded once; every query is asked once. The read set is what must be unchanged for the plan to be what it would be now.
 */
export class ReadRecorder {
  readonly #snapshot: Omit<Snapshot, 'referrers'>;
  readonly #loaded = new Map<string, Map<string, ObjectState>>();
  /** Type to property to id to version. */
  readonly #reads = new Map<string, Map<string, Map<string, number>>>();
  readonly #queries = new Map<string, { query: ReadQuery; result: ObjectState[] | LinkState[] }>();

  constructor(snapshot: Omit<Snapshot, 'referrers'>) {
    this.#snapshot = snapshot;
  }

  /** Live objects by id. Reads their existence, and of absent ones that they are absent. */
  async get(type: string, ids: Iterable<string>): Promise<Map<string, ObjectState>> {
    const wanted = [...new Set(ids)];
    const loaded = this.#typeMap(type);
    const missing = wanted.filter((id) => !loaded.has(id));
    const found = missing.length > 0 ? await this.#snapshot.get(type, missing) : new Map<string, ObjectState>();
    for (const [id, state] of found) {
      loaded.set(id, state);
    }
    const result = new Map<string, ObjectState>();
    const absent: string[] = [];
    for (const id of wanted) {
      const state = loaded.get(id);
      if (state) {
        result.set(id, state);
        this.#note(type, existence, id, propertyVersion(state, existence));
      } else if (!this.#reads.get(type)?.get(existence)?.has(id)) {
        absent.push(id);
      }
    }
    if (absent.length > 0) {
      for (const [id, version] of await this.#snapshot.existenceVersions(type, absent)) {
        this.#note(type, existence, id, version);
      }
    }
    return result;
  }

  /** Notes that these properties of these objects were read. */
  read(states: Iterable<ObjectState>, properties: Iterable<string>): void {
    const names = [...properties];
    if (names.length === 0) {
      return;
    }
    for (const state of states) {
      for (const property of names) {
        this.#note(state.type, property, state.id, propertyVersion(state, property));
      }
    }
  }

  /** Where there are more than `atMost`, one more than that comes back and nothing is noted: such an answer is for a refusal alone. */
  async query(type: string, where: Condition, atMost?: number): Promise<ObjectState[]> {
    const key = canonicalText(['objects', type, where]);
    const asked = this.#queries.get(key);
    if (asked) {
      return asked.result as ObjectState[];
    }
    const result = await this.#snapshot.query(type, where, atMost === undefined ? undefined : atMost + 1);
    if (atMost !== undefined && result.length > atMost) {
      return result;
    }
    const loaded = this.#typeMap(type);
    for (const state of result) {
      loaded.set(state.id, state);
    }
    const found = sha256Hex(result.map((state) => state.id).join('\n'));
    this.#queries.set(key, { query: { kind: 'objects', type, where, found }, result });
    return result;
  }

  /** For the words of a refusal alone, so it is no read. */
  count(type: string, where: Condition, atMost: number): Promise<number> {
    return this.#snapshot.count(type, where, atMost);
  }

  async links(link: string, end: LinkEnd, ids: Iterable<string>): Promise<LinkState[]> {
    const wanted = [...new Set(ids)].sort(compareText);
    const key = canonicalText(['links', link, end, wanted]);
    const asked = this.#queries.get(key);
    if (asked) {
      return asked.result as LinkState[];
    }
    const result = await this.#snapshot.links(link, end, wanted);
    const found = sha256Hex(result.map((row) => `${row.from}\t${row.to}`).join('\n'));
    this.#queries.set(key, { query: { kind: 'links', link, end, ids: wanted, found }, result });
    return result;
  }

  /** Link rows for a decision that the door makes again by itself, and that is therefore no read. */
  peekLinks(link: string, end: LinkEnd, ids: Iterable<string>): Promise<LinkState[]> {
    return this.#snapshot.links(link, end, [...new Set(ids)].sort(compareText));
  }

  /** What was loaded by any call before. */
  loaded(type: string, id: string): ObjectState | undefined {
    return this.#loaded.get(type)?.get(id);
  }

  /** Asks for the counters last; a snapshot gives the same answer at any time. */
  async readSet(): Promise<ReadSet> {
    const queries = [...this.#queries.values()].map(({ query }) => query);
    const queried = queries.map((query) => (query.kind === 'objects' ? query.type : query.link));
    const types = [...new Set([...queried, ...this.#reads.keys()])].sort(compareText);
    const reads = [...this.#reads].map(([type, properties]) => {
      const columns = { type, ids: [] as string[], properties: [] as string[], versions: [] as number[] };
      for (const [property, versions] of properties) {
        for (const [id, version] of versions) {
          columns.ids.push(id);
          columns.properties.push(property);
          columns.versions.push(version);
        }
      }
      return columns;
    });
    return {
      counters: types.length > 0 ? await this.#snapshot.typeCounters(types) : {},
      reads: reads.sort((left, right) => compareText(left.type, right.type)),
      queries,
    };
  }

  #typeMap(type: string): Map<string, ObjectState> {
    const known = this.#loaded.get(type);
    if (known) {
      return known;
    }
    const fresh = new Map<string, ObjectState>();
    this.#loaded.set(type, fresh);
    return fresh;
  }

  #note(type: string, property: string, id: string, version: number): void {
    let properties = this.#reads.get(type);
    if (!properties) {
      properties = new Map();
      this.#reads.set(type, properties);
    }
    let versions = properties.get(property);
    if (!versions) {
      versions = new Map();
      properties.set(property, versions);
    }
    versions.set(id, version);
  }
}
