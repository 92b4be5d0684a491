import type { CompiledOntology } from './compiled-ontology.ts';
import type { Condition } from './condition.ts';
import { conditionMatches } from './condition-matches.ts';
import { linkKey } from './edit-builder.ts';
import { compareText, type JsonValue } from './json.ts';
import { existence, type LinkState, type ObjectState } from './object-state.ts';
import type { LinkEdit, ObjectEdit } from './plan.ts';
import type { ReadRecorder } from './read-recorder.ts';
import type { LinkEnd, Snapshot } from './snapshot.ts';

/** The version of whatever is only in the overlay: no read of it depends on the database. */
export const overlaid = -1;

/** What became of one object: null where it is gone. */
interface Layer {
  /** Undefined where it was not there. */
  base: ObjectState | undefined;
  now: ObjectState | null;
}

/**
 * A snapshot as it would be after some edits, for the actions of a change set that come after them. Questions are asked of `recorder`, so what they depend on is
 * recorded there; properties that nothing has overlaid keep their versions.
 */
export class OverlaySnapshot implements Omit<Snapshot, 'referrers'> {
  readonly objects = new Map<string, Map<string, Layer>>();
  /** Rows that are there or gone other than in the database, by key. */
  readonly rows = new Map<string, LinkEdit>();
  private readonly ontology: CompiledOntology;
  private readonly base: Snapshot;
  private readonly recorder: ReadRecorder;

  constructor(ontology: CompiledOntology, base: Snapshot, recorder: ReadRecorder) {
    this.ontology = ontology;
    this.base = base;
    this.recorder = recorder;
  }

  async get(type: string, ids: readonly string[]): Promise<Map<string, ObjectState>> {
    const layers = this.objects.get(type);
    const below = ids.filter((id) => !layers?.has(id));
    const found = below.length > 0 ? await this.base.get(type, below) : new Map<string, ObjectState>();
    for (const id of ids) {
      const now = layers?.get(id)?.now;
      if (now) found.set(id, now);
    }
    return found;
  }

  async existenceVersions(type: string, ids: readonly string[]): Promise<Map<string, number>> {
    const layers = this.objects.get(type);
    const versions = await this.base.existenceVersions(
      type,
      ids.filter((id) => !layers?.has(id)),
    );
    for (const id of ids) if (layers?.has(id)) versions.set(id, overlaid);
    return versions;
  }

  async query(type: string, where: Condition, atMost?: number): Promise<ObjectState[]> {
    const layers = this.objects.get(type) ?? new Map<string, Layer>();
    const properties = this.ontology.objectTypes.get(type)?.properties ?? new Map();
    const below = await this.recorder.query(type, where, atMost === undefined ? undefined : atMost + layers.size);
    const above = [...layers.values()].flatMap(({ now }) => (now && conditionMatches(where, now, properties) ? [now] : []));
    const found = [...below.filter(({ id }) => !layers.has(id)), ...above].sort((left, right) => compareText(left.id, right.id));
    return atMost === undefined ? found : found.slice(0, atMost);
  }

  async count(type: string, where: Condition, atMost: number): Promise<number> {
    return (await this.query(type, where, atMost + 1)).length;
  }

  async links(link: string, end: LinkEnd, ids: readonly string[]): Promise<LinkState[]> {
    const below = await this.recorder.links(link, end, ids);
    const wanted = new Set(ids);
    const mine = [...this.rows.values()].filter((row) => row.link === link && wanted.has(row[end]));
    const changed = new Set(mine.map(linkKey));
    const above = mine.filter(({ op }) => op === 'link').map(({ from, to }) => ({ link, from, to }));
    const found = [...below.filter((row) => !changed.has(linkKey(row))), ...above];
    return found.sort((left, right) => compareText(left.from, right.from) || compareText(left.to, right.to));
  }

  typeCounters(types: readonly string[]): Promise<Record<string, number>> {
    return this.base.typeCounters(types);
  }

  /** Lays one object's edit over what is there. */
  async lay(edit: ObjectEdit): Promise<void> {
    const layers = this.objects.get(edit.type) ?? new Map<string, Layer>();
    this.objects.set(edit.type, layers);
    const known = layers.get(edit.id);
    const base = known ? known.base : (await this.base.get(edit.type, [edit.id])).get(edit.id);
    const was = known ? known.now : base;
    layers.set(edit.id, { base, now: edit.op === 'delete' ? null : changed(edit, was ?? undefined) });
  }

  layLink(edit: LinkEdit): void {
    const key = linkKey(edit);
    // An edit is only there where it changes something, so one that meets its contrary is back at what the database has.
    if (this.rows.has(key)) this.rows.delete(key);
    else this.rows.set(key, edit);
  }
}

function changed(edit: Exclude<ObjectEdit, { op: 'delete' }>, was: ObjectState | undefined): ObjectState {
  const { type, id } = edit;
  const set = edit.set ?? {};
  const unset = edit.op === 'modify' ? (edit.unset ?? []) : [];
  const properties: Record<string, JsonValue> = { ...(edit.op === 'modify' ? was?.properties : {}), ...set };
  for (const property of unset) delete properties[property];
  const versions = Object.fromEntries([...Object.keys(set), ...unset].map((property) => [property, overlaid]));
  const propertyVersions = edit.op === 'modify' ? { ...was?.propertyVersions, ...versions } : { [existence]: overlaid };
  return { type, id, version: was?.version ?? overlaid, properties, propertyVersions };
}
