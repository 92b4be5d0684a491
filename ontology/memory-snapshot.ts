import type { CompiledOntology } from './compiled-ontology.ts';
import type { Condition } from './condition.ts';
import { conditionMatches } from './condition-matches.ts';
import { compareText, type JsonValue } from './json.ts';
import { existence, type LinkState, type ObjectState } from './object-state.ts';
import type { Edit } from './plan.ts';
import type { LinkEnd, Referrer, Snapshot } from './snapshot.ts';

/** The history row of one applied edit, as the database keeps it: what a revert is computed from. */
export interface AppliedChange {
  edit: Edit;
  versionAfter: number;
}

/**
 * An ontology's objects in memory, for tests of the pure core: the same answers as PostgreSQL gives, and `apply`, which does to it what the door does. It is no
 * store: it checks nothing and keeps no history.
 */
export class MemorySnapshot implements Snapshot {
  readonly ontology: CompiledOntology;
  readonly objects = new Map<string, Map<string, ObjectState>>();
  readonly links_ = new Map<string, Map<string, LinkState>>();
  /** The last version of deleted objects. */
  readonly tombstones = new Map<string, number>();
  readonly counters = new Map<string, number>();

  constructor(ontology: CompiledOntology) {
    this.ontology = ontology;
  }

  async get(type: string, ids: readonly string[]): Promise<Map<string, ObjectState>> {
    const found = new Map<string, ObjectState>();
    for (const id of ids) {
      const object = this.objects.get(type)?.get(id);
      if (object) {
        found.set(id, object);
      }
    }
    return found;
  }

  async existenceVersions(type: string, ids: readonly string[]): Promise<Map<string, number>> {
    return new Map(
      ids.map((id) => [id, this.objects.get(type)?.get(id)?.propertyVersions[existence] ?? this.tombstones.get(`${type}\n${id}`) ?? 0]),
    );
  }

  async query(type: string, where: Condition, atMost?: number): Promise<ObjectState[]> {
    const properties = this.ontology.objectTypes.get(type)?.properties ?? new Map();
    const found = [...(this.objects.get(type)?.values() ?? [])].filter((object) => conditionMatches(where, object, properties));
    return found.sort((left, right) => compareText(left.id, right.id)).slice(0, atMost);
  }

  async count(type: string, where: Condition, atMost: number): Promise<number> {
    return (await this.query(type, where, atMost + 1)).length;
  }

  async links(link: string, end: LinkEnd, ids: readonly string[]): Promise<LinkState[]> {
    const wanted = new Set(ids);
    const found = [...(this.links_.get(link)?.values() ?? [])].filter((row) => wanted.has(row[end]));
    return found.sort((left, right) => compareText(left.from, right.from) || compareText(left.to, right.to));
  }

  async referrers(type: string, ids: readonly string[], limit: number): Promise<Referrer[]> {
    const wanted = new Set(ids);
    const found: Referrer[] = [];
    for (const [name, { references }] of this.ontology.objectTypes) {
      for (const property of Object.keys(references).filter((reference) => references[reference] === type)) {
        for (const object of this.objects.get(name)?.values() ?? []) {
          for (const target of [object.properties[property] ?? []].flat() as string[]) {
            if (wanted.has(target)) {
              found.push({ type: name, id: object.id, property, target });
            }
          }
        }
      }
    }
    for (const [name, definition] of this.ontology.linkTypes) {
      for (const row of this.links_.get(name)?.values() ?? []) {
        if (definition.from === type && wanted.has(row.from)) {
          found.push({ type: name, id: row.to, property: '$link', target: row.from });
        }
        if (definition.to === type && wanted.has(row.to)) {
          found.push({ type: name, id: row.from, property: '$link', target: row.to });
        }
      }
    }
    return found.slice(0, limit);
  }

  async typeCounters(types: readonly string[]): Promise<Record<string, number>> {
    return Object.fromEntries(types.map((type) => [type, this.counters.get(type) ?? 0]));
  }

  /** Applies edits as one execution and returns what its history would hold. */
  apply(edits: readonly Edit[]): AppliedChange[] {
    const changes = edits.map((edit) => ({ edit, versionAfter: this.applyOne(edit) }));
    for (const type of new Set(edits.map((edit) => ('link' in edit ? edit.link : edit.type)))) {
      this.counters.set(type, (this.counters.get(type) ?? 0) + 1);
    }
    return changes;
  }

  private applyOne(edit: Edit): number {
    if ('link' in edit) {
      const rows = this.links_.get(edit.link) ?? new Map<string, LinkState>();
      this.links_.set(edit.link, rows);
      const key = `${edit.from}\n${edit.to}`;
      edit.op === 'link' ? rows.set(key, { link: edit.link, from: edit.from, to: edit.to }) : rows.delete(key);
      return 0;
    }
    const objects = this.objects.get(edit.type) ?? new Map<string, ObjectState>();
    this.objects.set(edit.type, objects);
    const tombstone = `${edit.type}\n${edit.id}`;
    const old = objects.get(edit.id);
    const version = (old?.version ?? this.tombstones.get(tombstone) ?? 0) + 1;
    if (edit.op === 'delete') {
      objects.delete(edit.id);
      this.tombstones.set(tombstone, version);
      return version;
    }
    const set = edit.set ?? {};
    const unset = edit.op === 'modify' ? (edit.unset ?? []) : [];
    const properties: Record<string, JsonValue> = { ...old?.properties, ...set };
    const propertyVersions: Record<string, number> = {
      ...old?.propertyVersions,
      ...(edit.op === 'create' ? { [existence]: version } : {}),
    };
    for (const property of unset) {
      delete properties[property];
    }
    for (const property of edit.op === 'modify' ? [...Object.keys(set), ...unset] : []) {
      propertyVersions[property] = version;
    }
    objects.set(edit.id, { type: edit.type, id: edit.id, version, properties, propertyVersions });
    return version;
  }

  /** Everything that lives, in one text: equal states have equal texts, whatever their versions. */
  describe(): string {
    const objects = [...this.objects].flatMap(([type, all]) =>
      [...all.values()].map(({ id, properties }) => [type, id, properties] as const),
    );
    const links = [...this.links_].flatMap(([link, rows]) => [...rows.values()].map(({ from, to }) => [link, from, to] as const));
    const text = (row: readonly unknown[]) => JSON.stringify(row, (_, value) => (isPlain(value) ? sorted(value) : value));
    return [...objects.map(text), ...links.map(text)].sort().join('\n');
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => compareText(left, right)));
}
