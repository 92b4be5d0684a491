import { sortEdits } from './canonical-plan.ts';
import type { CompiledObjectType, CompiledOntology } from './compiled-ontology.ts';
import { equalJson } from './equal-json.ts';
import type { JsonValue } from './json.ts';
import type { ObjectState } from './object-state.ts';
import type { Edit, Fault, LinkEdit } from './plan.ts';
import type { ProblemCode } from './problems.ts';
import type { ReadRecorder } from './read-recorder.ts';

/** What will become of one object. `values` holds the new value of each property, undefined where it is unset. */
export type Draft =
  | { op: 'create'; values: Map<string, JsonValue | undefined> }
  | { op: 'modify'; state: ObjectState; values: Map<string, JsonValue | undefined> }
  | { op: 'delete'; state: ObjectState };

/** More of the same tells nobody more. */
const maximumFaults = 20;

/**
 * Merges what rules want into one edit per object and link row. Rules do not see each other, so their order carries no meaning: two that want different values
 * of one property contradict each other, and that is a fault. What changes nothing is dropped, but for values of sensitive properties: whoever may propose could else
 * ask, without being shown anything, whether a guess is the value.
 */
export class EditBuilder {
  readonly ontology: CompiledOntology;
  readonly recorder: ReadRecorder;
  readonly drafts = new Map<string, Map<string, Draft>>();
  readonly links = new Map<string, LinkEdit>();
  readonly faults: Fault[] = [];
  /** Whether everything that stands in the way is to be named: of a revert, each part of which may be left out. */
  readonly namesAll: boolean;

  constructor(ontology: CompiledOntology, recorder: ReadRecorder, { namesAll = false } = {}) {
    this.ontology = ontology;
    this.recorder = recorder;
    this.namesAll = namesAll;
  }

  fault(code: ProblemCode, message: string, more: Omit<Fault, 'code' | 'message'> = {}): void {
    if (this.namesAll || this.faults.length < maximumFaults) {
      this.faults.push({ code, message, ...more });
    }
  }

  create(type: CompiledObjectType, id: string, values: Map<string, JsonValue | undefined>, pointer: string): void {
    const drafts = this.#draftsOf(type.name);
    const other = drafts.get(id);
    if (!other) {
      drafts.set(id, { op: 'create', values });
    } else if (other.op !== 'create' || !equalValues(other.values, values)) {
      const message =
        other.op === 'create' ? `${type.name} ${id} would be created twice, differently` : `${type.name} ${id} exists already`;
      this.fault(other.op === 'create' ? 'conflicting_edits' : 'object_exists', message, { pointer, objects: [{ type: type.name, id }] });
    }
  }

  /** `value` undefined unsets. */
  modify(state: ObjectState, property: string, value: JsonValue | undefined, pointer: string): void {
    const drafts = this.#draftsOf(state.type);
    let draft = drafts.get(state.id);
    if (!draft) {
      draft = { op: 'modify', state, values: new Map() };
      drafts.set(state.id, draft);
    }
    if (draft.op === 'create') {
      this.fault('object_exists', `${state.type} ${state.id} exists already`, { pointer, objects: [{ type: state.type, id: state.id }] });
    } else if (draft.op !== 'modify') {
      this.#contrary(state, pointer);
    } else if (!draft.values.has(property)) {
      draft.values.set(property, value);
    } else if (!equalJson(draft.values.get(property), value)) {
      const objects = [{ type: state.type, id: state.id, property }];
      this.fault('conflicting_rules', `two rules write different values to ${property} of ${state.type} ${state.id}`, { pointer, objects });
    }
  }

  delete(state: ObjectState, pointer: string): void {
    const drafts = this.#draftsOf(state.type);
    const other = drafts.get(state.id);
    if (!other) {
      drafts.set(state.id, { op: 'delete', state });
    } else if (other.op !== 'delete') {
      this.#contrary(state, pointer);
    }
  }

  link(edit: LinkEdit, pointer: string): void {
    const key = linkKey(edit);
    const other = this.links.get(key);
    if (other && other.op !== edit.op) {
      this.fault('conflicting_edits', `${edit.link} from ${edit.from} to ${edit.to} would be both linked and unlinked`, { pointer });
    }
    this.links.set(key, edit);
  }

  draft(type: string, id: string): Draft | undefined {
    return this.drafts.get(type)?.get(id);
  }

  /** The plan's edits in order. Notes every touched property as read, also of what turns out to change nothing. */
  async finish(): Promise<Edit[]> {
    const edits: Edit[] = [];
    for (const [type, drafts] of this.drafts) {
      for (const [id, draft] of drafts) {
        const edit = this.#editOf(type, id, draft);
        if (edit) {
          edits.push(edit);
        }
      }
    }
    return sortEdits(edits.concat(await this.#effectiveLinks()));
  }

  #editOf(type: string, id: string, draft: Draft): Edit | undefined {
    if (draft.op === 'create') {
      const present = [...draft.values].filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
      return { op: 'create', type, id, set: Object.fromEntries(present) };
    }
    const { state } = draft;
    const properties = this.ontology.objectTypes.get(type)?.properties;
    if (draft.op === 'delete') {
      this.recorder.read([state], Object.keys(state.properties));
      return { op: 'delete', type, id, before: state.properties };
    }
    this.recorder.read([state], draft.values.keys());
    const set: Record<string, JsonValue> = {};
    const unset: string[] = [];
    const before: Record<string, JsonValue> = {};
    let isSet = false;
    for (const [property, value] of draft.values) {
      const old = state.properties[property];
      const isTelling = value !== undefined && properties?.get(property)?.sensitive === true;
      if (!isTelling && equalJson(old, value)) {
        continue;
      }
      if (old !== undefined) {
        before[property] = old;
      }
      if (value === undefined) {
        unset.push(property);
      } else {
        set[property] = value;
        isSet = true;
      }
    }
    if (!isSet && unset.length === 0) {
      return undefined;
    }
    return { op: 'modify', type, id, ...(isSet ? { set } : {}), ...(unset.length > 0 ? { unset: unset.sort() } : {}), before };
  }

  /** Drops rows that are already as wanted. Only those are reads: of the others the door itself asks that they be as they are now. */
  async #effectiveLinks(): Promise<LinkEdit[]> {
    const effective: LinkEdit[] = [];
    for (const [link, edits] of groupBy(this.links.values(), (edit) => edit.link)) {
      const rows = await this.recorder.peekLinks(
        link,
        'from',
        edits.map((edit) => edit.from),
      );
      const live = new Set(rows.map(linkKey));
      const idle = edits.filter((edit) => live.has(linkKey(edit)) === (edit.op === 'link'));
      if (idle.length > 0) {
        await this.recorder.links(
          link,
          'from',
          idle.map((edit) => edit.from),
        );
      }
      const isIdle = new Set(idle);
      for (const edit of edits) {
        if (!isIdle.has(edit)) {
          effective.push(edit);
        }
      }
    }
    return effective;
  }

  #contrary(state: ObjectState, pointer: string): void {
    const objects = [{ type: state.type, id: state.id }];
    this.fault('conflicting_edits', `${state.type} ${state.id} would be both changed and deleted`, { pointer, objects });
  }

  #draftsOf(type: string): Map<string, Draft> {
    const known = this.drafts.get(type);
    if (known) {
      return known;
    }
    const fresh = new Map<string, Draft>();
    this.drafts.set(type, fresh);
    return fresh;
  }
}

/** By what a fault names a link, where objects have their ids. */
export function idOfLink(from: string, to: string): string {
  return `${from} ${to}`;
}

export function linkKey(row: { link: string; from: string; to: string }): string {
  return `${row.link}\t${row.from}\t${row.to}`;
}

export function groupBy<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) {
      group.push(item);
    } else {
      groups.set(name, [item]);
    }
  }
  return groups;
}

function equalValues(left: ReadonlyMap<string, JsonValue | undefined>, right: ReadonlyMap<string, JsonValue | undefined>): boolean {
  return left.size === right.size && [...left].every(([property, value]) => right.has(property) && equalJson(value, right.get(property)));
}
