import { canonicalText } from '../../ontology/canonical-json.ts';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { Edit } from '../../ontology/plan.ts';
import { dangling, type WorldShape, worldShape } from './world-shape.ts';

/** One edit of an object, or of a link: a thing without properties, called by its ends. */
interface Change {
  op: 'create' | 'modify' | 'delete';
  type: string;
  id: string;
  set: JsonObject;
  unset: readonly string[];
  before: JsonObject;
}

interface Thing {
  isThere: boolean;
  properties: JsonObject;
  /** Which deed changed a property last; under `$`, the thing in any way. */
  by: Map<string, number>;
}

/** What stands in the way of taking a deed back. `$` is the thing itself. */
export interface Conflict {
  type: string;
  id: string;
  property: string;
  because: 'changed' | 'not_unique' | 'unknown_reference' | 'still_referenced';
}

export type Things = Map<string, JsonObject>;

const keyOf = ({ type, id }: { type: string; id: string }) => `${type} ${id}`;

/** Objects and links as plans leave them that are applied one after another, some of which are taken back: by the plans alone, and what others changed meanwhile it finds out itself. */
export class SequentialWorld {
  private readonly shape: WorldShape;
  private readonly things = new Map<string, Thing>();
  private readonly deeds = new Map<string, { number: number; changes: Change[] }>();
  private last = 0;

  constructor(document: OntologyDocument) {
    this.shape = worldShape(document);
  }

  /** What is there, by type and id. */
  get there(): Things {
    return new Map([...this.things].flatMap(([key, { isThere, properties }]) => (isThere ? [[key, properties] as const] : [])));
  }

  has(deed: string): boolean {
    return this.deeds.has(deed);
  }

  /** @returns where what is there is not what the plan says that it found */
  apply(deed: string, edits: readonly Edit[]): string[] {
    const changes = edits.map(changeOf);
    const faults = changes.flatMap((change) => {
      const thing = this.things.get(keyOf(change));
      const properties = thing?.isThere ? thing.properties : undefined;
      const touched = change.op === 'modify' ? pick(properties ?? {}, touchedBy(change)) : (properties ?? {});
      const isAsFound = (properties !== undefined) === (change.op !== 'create') && canonicalText(touched) === canonicalText(change.before);
      return isAsFound ? [] : [`${deed}: ${change.op} ${keyOf(change)} found ${textOf(change.before)}, not ${textOf(properties)}`];
    });
    this.deeds.set(deed, { number: this.write(changes), changes });
    return faults;
  }

  /** Puts back what nothing stands in the way of. @returns the rest */
  undo(deed: string): Conflict[] {
    const done = this.deeds.get(deed);
    if (done === undefined) throw new Error(`${deed} was never done`);
    const conflicts: Conflict[] = [];
    let left = done.changes.map(inverseOf);
    let found = this.changedSince(done);
    do {
      conflicts.push(...found);
      left = without(left, found);
      found = this.obstacles(left);
    } while (found.length > 0); // What depends on what is left as it is, is found by asking again.
    this.write(left);
    return conflicts;
  }

  private write(changes: readonly Change[]): number {
    const number = ++this.last;
    for (const change of changes) {
      const former = this.things.get(keyOf(change));
      const goesOn = change.op === 'modify' && former !== undefined;
      const by = goesOn ? former.by : new Map<string, number>();
      for (const property of ['$', ...touchedBy(change)]) by.set(property, number);
      const properties = changed(goesOn ? former.properties : {}, change);
      this.things.set(keyOf(change), { isThere: change.op !== 'delete', properties, by });
    }
    return number;
  }

  private changedSince({ number, changes }: { number: number; changes: readonly Change[] }): Conflict[] {
    return changes.flatMap((change) => {
      const thing = this.things.get(keyOf(change));
      const properties = change.op === 'modify' ? touchedBy(change) : ['$'];
      const isOurs = (property: string) => thing?.isThere === (change.op !== 'delete') && thing.by.get(property) === number;
      return properties.filter((property) => !isOurs(property)).map((property) => conflictOf(change, property, 'changed'));
    });
  }

  /** What would not hold if these were done now, each told of whichever of them brings it about. */
  private obstacles(changes: readonly Change[]): Conflict[] {
    const there = this.there;
    for (const change of changes) {
      if (change.op === 'delete') there.delete(keyOf(change));
      else there.set(keyOf(change), changed(there.get(keyOf(change)) ?? {}, change));
    }
    const bringing = new Map(changes.map((change) => [keyOf(change), change]));
    const taken = changes.flatMap((change) =>
      (this.shape.unique.get(change.type) ?? []).flatMap((property) => {
        const value = change.set[property];
        const isTaken = [...there].some(([key, other]) => isOther(key, change) && value !== undefined && other[property] === value);
        return isTaken ? [conflictOf(change, property, 'not_unique')] : [];
      }),
    );
    const loose = dangling(this.shape, there).flatMap(({ from, property, to }) => {
      const change = bringing.get(from);
      const makesIt = change?.op === 'create' || (change?.op === 'modify' && property in change.set);
      if (change !== undefined && makesIt) return [conflictOf(change, property, 'unknown_reference')];
      const gone = bringing.get(to);
      return gone === undefined ? [] : [conflictOf(gone, '$', 'still_referenced')];
    });
    return onceEach([...taken, ...loose]);
  }
}

function changeOf(edit: Edit): Change {
  const nothing = { set: {}, unset: [], before: {} };
  return 'link' in edit
    ? { ...nothing, op: edit.op === 'link' ? 'create' : 'delete', type: edit.link, id: `${edit.from} ${edit.to}` }
    : { ...nothing, ...edit };
}

function inverseOf(change: Change): Change {
  const { op, set, before } = change;
  if (op === 'create') return { ...change, op: 'delete', set: {}, before: set };
  if (op === 'delete') return { ...change, op: 'create', set: before, before: {} };
  return { ...change, set: before, unset: touchedBy(change).filter((property) => !(property in before)), before: set };
}

function touchedBy({ set, unset }: Change): string[] {
  return [...Object.keys(set), ...unset];
}

function changed(properties: JsonObject, { op, set, unset }: Change): JsonObject {
  if (op === 'delete') return {};
  return Object.fromEntries(Object.entries({ ...properties, ...set }).filter(([property]) => !unset.includes(property)));
}

function without(changes: readonly Change[], conflicts: readonly Conflict[]): Change[] {
  return changes.flatMap((change) => {
    const lost = conflicts.filter((one) => keyOf(one) === keyOf(change)).map(({ property }) => property);
    if (lost.includes('$')) return [];
    const kept = touchedBy(change).filter((property) => !lost.includes(property));
    const left = { ...change, set: pick(change.set, kept), unset: change.unset.filter((property) => kept.includes(property)) };
    return change.op === 'modify' && kept.length === 0 ? [] : [left];
  });
}

/** Of what is made or deleted it is the whole, whatever property it is about. */
function conflictOf({ op, type, id }: Change, property: string, because: Conflict['because']): Conflict {
  return { type, id, property: op === 'modify' ? property : '$', because };
}

function onceEach(conflicts: readonly Conflict[]): Conflict[] {
  const sorted = [...conflicts].sort((left, right) => (left.because < right.because ? 1 : -1)); // Of two reasons the first by its name stays.
  return [...new Map(sorted.map((one) => [`${keyOf(one)} ${one.property}`, one])).values()];
}

function isOther(key: string, { type, id }: Change): boolean {
  return key.startsWith(`${type} `) && key !== keyOf({ type, id });
}

function pick(properties: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.flatMap((name) => (properties[name] === undefined ? [] : [[name, properties[name] as JsonValue]])));
}

function textOf(properties: JsonObject | undefined): string {
  return properties === undefined ? 'nothing' : canonicalText(properties);
}
