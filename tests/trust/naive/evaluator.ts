import type { JsonObject, JsonValue } from '../../../ontology/json.ts';
import type { Edit } from '../../../ontology/plan.ts';
import { compute, fixed, fixedText, isFixed, isThing, type Names, type Thing, type Tree, Uncomputable, type Value } from './expression.ts';
import type { Action, Field, Parameter, Rule, Source, State, World } from './world.ts';

/**
 * A second evaluator, written from docs/ontology.md and from nothing else: whole states in memory, loops over everything, the outcome checked by looking at the state
 * that would be. It says which edits there are, or which faults there can be; the product stops at some, this one names them all.
 */
export type Verdict = { edits: Edit[] } | { faults: Set<string> };

type Draft = { op: 'create' | 'modify'; values: Map<string, JsonValue | undefined> } | { op: 'delete' };

export function judge(world: World, state: State, actionName: string, given: JsonObject): Verdict {
  const action = world.actions[actionName] as Action;
  const faults = new Set<string>();
  try {
    const names = admit(world, state, action, given, faults);
    if (faults.size > 0) return { faults };
    for (const criterion of action.criteria) if (compute(criterion, names) !== true) faults.add('criteria_failed');
    if (faults.size > 0) return { faults };
    return new Judge(world, state, action, names, faults).run();
  } catch (error) {
    if (error instanceof Uncomputable) return { faults: faults.add('evaluation_failed') };
    throw error;
  }
}

/** The variables of the action, once its parameters are found to be as they must be. */
function admit(world: World, state: State, action: Action, given: JsonObject, faults: Set<string>): Names {
  const names: Names = {};
  const parameters = Object.entries(action.parameters);
  const load = (parameter: Parameter, json: JsonValue | undefined) => loadValue(world, state, parameter, json ?? null, faults);
  for (const [name, parameter] of parameters) names[name] = load(parameter, given[name] ?? parameter.fallback);
  const filled = { ...names };
  for (const [name, { prefill, kind }] of parameters) {
    if (prefill && names[name] === null) {
      const value = compute(prefill, names);
      filled[name] =
        kind === 'integer' && typeof value === 'bigint' ? value : kind === 'string' && typeof value === 'string' ? value : null;
      if (value !== null && filled[name] === null) faults.add('constraint_failed');
    }
  }
  const admitted = { ...filled };
  for (const [name, { visible, fallback }] of parameters) {
    if (visible && compute(visible, filled) !== true) {
      admitted[name] = null;
      if (given[name] !== undefined && JSON.stringify(given[name]) !== JSON.stringify(fallback)) faults.add('constraint_failed');
    }
  }
  for (const [name, parameter] of parameters) {
    const isMissing = admitted[name] === null;
    const isVisible = !parameter.visible || compute(parameter.visible, filled) === true;
    if (isMissing && isVisible && (parameter.required || (parameter.needed && compute(parameter.needed, admitted) === true)))
      faults.add('constraint_failed');
  }
  if (faults.size > 0) return admitted;
  for (const [name, { constraints }] of parameters) {
    for (const constraint of constraints)
      if (admitted[name] !== null && compute(constraint, admitted) !== true) faults.add('constraint_failed');
  }
  return admitted;
}

function loadValue(world: World, state: State, { kind, of }: Parameter, json: JsonValue, faults: Set<string>): Value {
  if (json === null) return null;
  const find = (type: string, id: string): Thing => {
    const thing = thingOf(world, state, type, id);
    if (!thing) faults.add('unknown_reference');
    return thing ?? { type, id, properties: {} };
  };
  switch (kind) {
    case 'object':
      return find(of, json as string);
    case 'anyOf':
      return find((json as JsonObject).type as string, (json as JsonObject).id as string);
    case 'objects':
      return (json as string[]).map((id) => find(of, id));
    case 'set':
      return things(world, state, of).filter((thing) => compute(setFilter(json), { object: thing }) === true);
    case 'integer':
      return BigInt(json as number);
    case 'integers':
      return (json as number[]).map(BigInt);
    case 'rows':
      return (json as JsonObject[]).map((row) => ({
        type: '',
        id: '',
        properties: { a: row.a === undefined ? null : BigInt(row.a as number), b: (row.b as string) ?? null },
      }));
    case 'string':
      return json as string;
  }
}

const filters = new Map<string, Tree>();

/** The generator says what the text of a filter means; a parser would be the product's, or as long as one. */
export function rememberFilter(text: string, tree: Tree): void {
  filters.set(text, tree);
}

function setFilter(json: JsonValue): Tree {
  return filters.get((json as { filter: string }).filter) as Tree;
}

export function things(world: World, state: State, type: string): Thing[] {
  return [...(state.objects.get(type)?.keys() ?? [])].sort().map((id) => thingOf(world, state, type, id) as Thing);
}

function thingOf(world: World, state: State, type: string, id: string): Thing | undefined {
  const stored = state.objects.get(type)?.get(id);
  if (!stored) return undefined;
  const fields = Object.entries(world.types[type]?.fields ?? {});
  return { type, id, properties: Object.fromEntries(fields.map(([name, field]) => [name, fromStored(field, stored[name])])) };
}

function fromStored({ kind }: Field, json: JsonValue | undefined): Value {
  if (json === undefined || json === null) return null;
  if (kind === 'integer' || kind === 'long') return BigInt(json as number | string);
  if (kind === 'decimal') return fixed(json as string);
  if (kind === 'timestamp' || kind === 'geopoint' || kind === 'struct') return { plain: json };
  return json as Value;
}

/** The stored form; undefined where absent; null where it does not fit. */
function toStored(field: Field, value: Value): JsonValue | undefined {
  if (value === null) return undefined;
  if (typeof value === 'object' && 'plain' in value) return value.plain as JsonValue;
  switch (field.kind) {
    case 'integer':
      return typeof value === 'bigint' && (field.most === undefined || value <= BigInt(field.most)) ? Number(value) : null;
    case 'long':
      return typeof value === 'bigint' ? value.toString() : null;
    case 'decimal':
      return isFixed(value) ? fixedText(value) : null;
    case 'double':
      return typeof value === 'bigint' ? Number(value) : (value as number);
    case 'reference':
      return isThing(value) ? value.id : (value as string);
    case 'string':
      return field.longest !== undefined && [...(value as string)].length > field.longest ? null : (value as string);
    case 'enum':
      return ['x', 'y', 'z'].includes(value as string) ? (value as string) : null;
    default:
      return value as JsonValue;
  }
}

class Judge {
  readonly drafts = new Map<string, Map<string, Draft>>();
  readonly linked = new Map<string, boolean>();
  readonly world: World;
  readonly state: State;
  readonly action: Action;
  readonly names: Names;
  readonly faults: Set<string>;

  constructor(world: World, state: State, action: Action, names: Names, faults: Set<string>) {
    this.world = world;
    this.state = state;
    this.action = action;
    this.names = names;
    this.faults = faults;
  }

  run(): Verdict {
    this.rules(this.action.rules, this.names);
    this.cascade();
    const after = this.after();
    this.look(after);
    if (this.faults.size > 0) return { faults: this.faults };
    const edits = this.edits();
    return edits.length > this.action.most ? { faults: this.faults.add('limit_exceeded') } : { edits };
  }

  rules(rules: readonly Rule[], names: Names): void {
    for (const rule of rules) if (!rule.when || compute(rule.when, names) === true) this.rule(rule, names);
  }

  rule(rule: Rule, names: Names): void {
    switch (rule.do) {
      case 'modify': {
        const thing = this.existing(rule.type, compute(rule.object, names));
        if (thing) {
          this.set(thing.type, thing.id, rule.set, names);
          for (const property of rule.unset) this.change(thing.type, thing.id, property, undefined);
        }
        return;
      }
      case 'create':
        this.create(rule.type, rule.id, rule.set, names);
        return;
      case 'createOrModify': {
        const id = this.idFor(rule.type, rule.id, rule.set, names);
        if (id === undefined) return;
        const { [this.world.types[rule.type]?.key ?? '']: _, ...others } = rule.set;
        if (this.state.objects.get(rule.type)?.has(id)) this.set(rule.type, id, others, names);
        else this.create(rule.type, rule.id, { ...rule.set, ...rule.create }, names);
        return;
      }
      case 'delete': {
        const thing = this.existing(rule.type, compute(rule.object, names));
        if (thing) this.remove(thing.type, thing.id);
        return;
      }
      case 'link':
      case 'unlink': {
        const [from, to] = [idOf(compute(rule.from, names)), idOf(compute(rule.to, names))];
        if (from === undefined || to === undefined) this.faults.add('object_missing');
        else this.row(rule.link, from, to, rule.do === 'link');
        return;
      }
      case 'forEach':
        for (const item of this.over(rule.over, rule.as, names)) this.rules(rule.rules, { ...names, [rule.as]: item });
        return;
      case 'if':
        this.rules(compute(rule.condition, names) === true ? rule.yes : rule.no, names);
    }
  }

  over(source: Source, as: string, names: Names): Value[] {
    switch (source.over) {
      case 'list':
        return (names[source.parameter] as Value[] | null) ?? [];
      case 'query': {
        const types = this.world.shapes[source.type] ? this.implementers(source.type) : [source.type];
        return types
          .flatMap((type) => things(this.world, this.state, type))
          .filter((thing) => compute(source.where, { ...names, [as]: thing }) === true);
      }
      case 'link':
        return this.walk(compute(source.of, names), source.link, source.forward);
      case 'path': {
        let reached: Thing[] = [compute(source.of, names) as Thing];
        if (!isThing(reached[0] ?? null)) {
          this.faults.add('object_missing');
          return [];
        }
        for (const hop of source.hops) {
          const next = reached.flatMap((thing) => this.walk(thing, hop.link, hop.forward));
          reached = next.filter((thing, at) => next.findIndex((other) => other.type === thing.type && other.id === thing.id) === at);
        }
        return reached;
      }
    }
  }

  walk(start: Value, name: string, forward: boolean): Thing[] {
    const id = idOf(start);
    const link = this.world.links[name];
    if (id === undefined || !link) {
      this.faults.add('object_missing');
      return [];
    }
    const { from, to, via } = link;
    if (via === null) {
      const ends = [...(this.state.rows.get(name) ?? [])].map((row) => row.split(' ') as [string, string]);
      const found = ends.filter(([a, b]) => (forward ? a : b) === id).map(([a, b]) => (forward ? b : a));
      return found.flatMap((other) => thingOf(this.world, this.state, forward ? to : from, other) ?? []);
    }
    if (forward) return things(this.world, this.state, to).filter((thing) => thing.properties[via] === id);
    const target = thingOf(this.world, this.state, to, id)?.properties[via];
    return typeof target === 'string' ? [thingOf(this.world, this.state, from, target) as Thing] : [];
  }

  implementers(shape: string): string[] {
    return Object.entries(this.world.types).flatMap(([name, type]) => (type.shapes.includes(shape) ? [name] : []));
  }

  existing(type: string, value: Value): { type: string; id: string } | undefined {
    const id = idOf(value);
    const real = isThing(value) ? value.type : type;
    if (id !== undefined && this.state.objects.get(real)?.has(id)) return { type: real, id };
    this.faults.add('object_missing');
    return undefined;
  }

  set(type: string, id: string, set: Record<string, Tree>, names: Names): void {
    for (const [property, tree] of Object.entries(set)) {
      const field = this.world.types[type]?.fields[property] as Field;
      const stored = toStored(field, compute(tree, names));
      if (stored === null) this.faults.add('invalid_value');
      this.change(type, id, property, stored ?? undefined); // What does not fit counts as absent.
    }
  }

  change(type: string, id: string, property: string, value: JsonValue | undefined): void {
    const field = this.world.types[type]?.fields[property];
    if (value === undefined && field?.required) this.faults.add('invalid_value');
    const draft = this.draft(type, id);
    if (!draft) this.keep(type, id, { op: 'modify', values: new Map([[property, value]]) });
    else if (draft.op === 'delete') this.faults.add('conflicting_edits');
    else if (draft.op === 'create') this.faults.add('conflicting_edits').add('object_exists');
    else if (draft.values.has(property) && JSON.stringify(draft.values.get(property)) !== JSON.stringify(value))
      this.faults.add('conflicting_rules');
    else draft.values.set(property, value);
  }

  idFor(type: string, id: Tree | null, set: Record<string, Tree>, names: Names): string | undefined {
    const key = this.world.types[type]?.key;
    const value = compute((key ? set[key] : id) as Tree, names);
    if (typeof value === 'string' && value !== '') return value;
    this.faults.add('invalid_value');
    return undefined;
  }

  create(type: string, idTree: Tree | null, set: Record<string, Tree>, names: Names): void {
    const id = this.idFor(type, idTree, set, names);
    if (id === undefined) return;
    const values = new Map<string, JsonValue | undefined>();
    for (const [property, field] of Object.entries(this.world.types[type]?.fields ?? {})) {
      const tree = set[property];
      const stored = (tree ? toStored(field, compute(tree, names)) : undefined) ?? undefined;
      if (tree && toStored(field, compute(tree, names)) === null) this.faults.add('invalid_value');
      const value = stored ?? (field.fallback as JsonValue | undefined);
      if (value === undefined && field.required) this.faults.add('invalid_value');
      if (value !== undefined) values.set(property, value);
    }
    if (this.state.objects.get(type)?.has(id)) this.faults.add('object_exists').add('conflicting_edits');
    const draft = this.draft(type, id);
    if (!draft) this.keep(type, id, { op: 'create', values });
    else if (draft.op !== 'create' || !isSameMap(draft.values, values)) this.faults.add('conflicting_edits').add('object_exists');
  }

  remove(type: string, id: string): void {
    const draft = this.draft(type, id);
    if (!draft) this.keep(type, id, { op: 'delete' });
    else if (draft.op !== 'delete') this.faults.add('conflicting_edits');
  }

  row(link: string, from: string, to: string, on: boolean): void {
    const key = `${link}\t${from} ${to}`;
    if (this.linked.has(key) && this.linked.get(key) !== on) this.faults.add('conflicting_edits');
    this.linked.set(key, on);
  }

  /** What deletions take along, until nothing more is; then what they unset and unlink. */
  cascade(): void {
    const links = Object.entries(this.world.links);
    for (let before = -1; before !== this.deleted().length; ) {
      before = this.deleted().length;
      for (const [name, link] of links) {
        if (link.onDelete !== 'delete') continue;
        for (const { type, id } of this.deleted()) {
          if (type === link.from) for (const other of this.staying(name, id)) this.remove(link.to, other);
        }
      }
    }
    for (const [name, link] of links) {
      for (const { type, id } of this.deleted()) {
        if (link.via !== null && link.onDelete === 'unlink' && type === link.from) {
          for (const other of this.staying(name, id)) this.change(link.to, other, link.via, undefined);
        }
        if (link.via === null && link.onDelete !== 'refuse') {
          for (const row of this.state.rows.get(name) ?? []) {
            const [from = '', to = ''] = row.split(' ');
            if ((type === link.from && from === id) || (type === link.to && to === id)) this.row(name, from, to, false);
          }
        }
      }
    }
  }

  /** What a deleted `from` object links to, but for what goes anyway, and what a rule points elsewhere or unlinks. */
  staying(name: string, id: string): string[] {
    const { to, via } = this.world.links[name] as { to: string; via: string | null };
    if (via === null) {
      const rows = [...(this.state.rows.get(name) ?? [])].filter(
        (row) => row.startsWith(`${id} `) && this.linked.get(`${name}\t${row}`) !== false,
      );
      return rows.map((row) => row.slice(id.length + 1));
    }
    return things(this.world, this.state, to).flatMap((thing) => {
      const draft = this.draft(to, thing.id);
      const isElsewhere = draft?.op === 'delete' || (draft?.op === 'modify' && draft.values.has(via));
      return thing.properties[via] === id && !isElsewhere ? [thing.id] : [];
    });
  }

  after(): State {
    const objects = new Map(
      [...this.state.objects].map(([type, all]) => [type, new Map([...all].map(([id, properties]) => [id, { ...properties }]))]),
    );
    for (const [type, drafts] of this.drafts) {
      const all = objects.get(type) ?? new Map();
      objects.set(type, all);
      for (const [id, draft] of drafts) {
        if (draft.op === 'delete') all.delete(id);
        else all.set(id, merged(all.get(id) ?? {}, draft.values));
      }
    }
    const rows = new Map([...this.state.rows].map(([link, all]) => [link, new Set(all)]));
    for (const [key, on] of this.linked) {
      const [link = '', row = ''] = key.split('\t');
      const all = rows.get(link) ?? new Set();
      rows.set(link, all);
      if (on) all.add(row);
      else all.delete(row);
    }
    return { objects, rows };
  }

  /** Whether the state that would be is one that the ontology allows. */
  look(after: State): void {
    for (const fault of faultsOf(this.world, after)) this.faults.add(fault);
  }

  edits(): Edit[] {
    const edits: Edit[] = [];
    for (const [type, drafts] of this.drafts) {
      for (const [id, draft] of drafts) {
        const before = this.state.objects.get(type)?.get(id) ?? {};
        if (draft.op === 'delete') edits.push({ op: 'delete', type, id, before });
        else if (draft.op === 'create') edits.push({ op: 'create', type, id, set: merged({}, draft.values) });
        else {
          const changed = [...draft.values].filter(([property, value]) => JSON.stringify(before[property]) !== JSON.stringify(value));
          const set = Object.fromEntries(changed.filter((entry): entry is [string, JsonValue] => entry[1] !== undefined));
          const unset = changed.flatMap(([property, value]) => (value === undefined ? [property] : [])).sort();
          const was = Object.fromEntries(
            changed.flatMap(([property]) => (before[property] === undefined ? [] : [[property, before[property] as JsonValue]])),
          );
          if (changed.length > 0)
            edits.push({
              op: 'modify',
              type,
              id,
              ...(Object.keys(set).length > 0 ? { set } : {}),
              ...(unset.length > 0 ? { unset } : {}),
              before: was,
            });
        }
      }
    }
    for (const [key, on] of this.linked) {
      const [link = '', row = ''] = key.split('\t');
      const [from = '', to = ''] = row.split(' ');
      if ((this.state.rows.get(link)?.has(row) ?? false) !== on) edits.push({ op: on ? 'link' : 'unlink', link, from, to });
    }
    return edits;
  }

  draft(type: string, id: string): Draft | undefined {
    return this.drafts.get(type)?.get(id);
  }

  keep(type: string, id: string, draft: Draft): void {
    const all = this.drafts.get(type) ?? new Map<string, Draft>();
    this.drafts.set(type, all.set(id, draft));
  }

  deleted(): { type: string; id: string }[] {
    return [...this.drafts].flatMap(([type, all]) => [...all].flatMap(([id, draft]) => (draft.op === 'delete' ? [{ type, id }] : [])));
  }
}

/** What of a state the ontology does not allow, by the codes that the product may use for it. */
export function faultsOf(world: World, state: State): string[] {
  const faults: string[] = [];
  for (const [type, { fields }] of Object.entries(world.types)) {
    const all = state.objects.get(type) ?? new Map<string, Record<string, JsonValue>>();
    for (const [name, field] of Object.entries(fields)) {
      const values = [...all.values()].flatMap((properties) => (properties[name] === undefined ? [] : [properties[name]]));
      const isSingle = Object.values(world.links).some((link) => link.single && link.to === type && link.via === name);
      if ((field.unique || isSingle) && new Set(values.map((value) => JSON.stringify(value))).size < values.length)
        faults.push('not_unique');
      if (field.kind === 'reference' && values.some((id) => !state.objects.get(field.to ?? '')?.has(id as string)))
        faults.push('unknown_reference', 'still_referenced');
    }
  }
  for (const [name, link] of Object.entries(world.links)) {
    const pairs = [...(state.rows.get(name) ?? [])].map((row) => row.split(' ') as [string, string]);
    if (pairs.some(([from, to]) => !state.objects.get(link.from)?.has(from) || !state.objects.get(link.to)?.has(to)))
      faults.push('unknown_reference', 'still_referenced');
    for (const end of link.mustHave) {
      const ends =
        link.via === null
          ? pairs.map(([from, to]) => (end === 'from' ? from : to))
          : [...(state.objects.get(link.to)?.values() ?? [])].map((one) => one[link.via as string]);
      if ([...(state.objects.get(link[end])?.keys() ?? [])].some((id) => !ends.includes(id))) faults.push('required_link_missing');
    }
  }
  return faults;
}

function merged(properties: Record<string, JsonValue>, values: ReadonlyMap<string, JsonValue | undefined>): Record<string, JsonValue> {
  const result = { ...properties };
  for (const [property, value] of values) {
    if (value === undefined) delete result[property];
    else result[property] = value;
  }
  return result;
}

function idOf(value: Value): string | undefined {
  return isThing(value) ? value.id : typeof value === 'string' ? value : undefined;
}

function isSameMap(left: ReadonlyMap<string, unknown>, right: ReadonlyMap<string, unknown>): boolean {
  return left.size === right.size && [...left].every(([name, value]) => JSON.stringify(value) === JSON.stringify(right.get(name)));
}
