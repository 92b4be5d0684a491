import type { JsonObject, JsonValue } from '../../../ontology/json.ts';
import { Dice } from '../random-numbers.ts';
import { faultsOf, rememberFilter } from './evaluator.ts';
import { fixed, print, type Tree, type Value } from './expression.ts';
import type { Action, Field, Kind, Link, Parameter, Rule, Source, State, Type, World } from './world.ts';

/** Random ontologies, states that they allow, and parameters; all from one seed. */
export function randomWorld(seed: number): World {
  const dice = new Dice(seed);
  const names = ['aa', 'bb', 'cc'].slice(0, 2 + dice.roll(2));
  const world: World = { shapes: { Shape: ['n', 's'] }, types: {}, links: {}, actions: {} };
  for (const name of names) world.types[name] = randomType(dice, names);
  addLinks(dice, world);
  for (const name of ['do1', 'do2', 'do3']) world.actions[name] = randomAction(dice, world);
  return world;
}

const scalarKinds: Kind[] = [
  'boolean',
  'integer',
  'long',
  'decimal',
  'double',
  'string',
  'enum',
  'date',
  'timestamp',
  'geopoint',
  'struct',
  'array',
];

function randomType(dice: Dice, names: readonly string[]): Type {
  const fields: Record<string, Field> = {};
  const field = (kind: Kind, more: Partial<Field> = {}): Field => ({ kind, required: false, unique: false, ...more });
  const key = dice.chance(60) ? 'code' : null;
  if (key) fields.code = field('string', { required: true });
  fields.n = field('integer', { most: 50 });
  fields.s = field('string', { longest: 8 });
  for (const kind of scalarKinds) {
    if (!dice.chance(60)) continue;
    const fallback = dice.chance(25) ? randomStored(dice, kind) : undefined;
    fields[`f${kind}`] = field(kind, { required: dice.chance(20), ...(fallback === undefined ? {} : { fallback }) });
  }
  if (dice.chance(25)) fields.u = field('long', { unique: true });
  for (const to of names) if (dice.chance(40)) fields[`to${to}`] = field('reference', { to, required: false });
  return { key, fields, shapes: dice.chance(60) ? ['Shape'] : [] };
}

function addLinks(dice: Dice, world: World): void {
  const onDelete = () => dice.pick(['refuse', 'unlink', 'delete'] as const);
  for (const [to, { fields }] of Object.entries(world.types)) {
    for (const [via, field] of Object.entries(fields)) {
      if (field.kind !== 'reference' || !dice.chance(80)) continue;
      world.links[`${to}${via}`] = {
        from: field.to as string,
        to,
        via,
        single: dice.chance(20),
        onDelete: onDelete(),
        mustHave: dice.chance(10) ? ['from'] : [],
      };
    }
  }
  const names = Object.keys(world.types);
  for (const at of [1, 2]) {
    if (!dice.chance(70)) continue;
    const mustHave = dice.chance(15) ? [dice.pick(['from', 'to'] as const)] : [];
    world.links[`rows${at}`] = { from: dice.pick(names), to: dice.pick(names), via: null, single: false, onDelete: onDelete(), mustHave };
  }
}

function randomStored(dice: Dice, kind: Kind): JsonValue {
  switch (kind) {
    case 'boolean':
      return dice.chance(50);
    case 'integer':
      return dice.roll(12) - 3;
    case 'long':
      return dice.pick(['0', '7', '-3', '9007199254740993']);
    case 'decimal':
      return dice.pick(['0', '1.5', '-0.25', '100', '12345678901234567890.5']);
    case 'double':
      return dice.pick([0, 0.5, -2.25, 1e21]);
    case 'string':
      return dice.pick(['', 'a', 'b', 'abc', '😀']);
    case 'enum':
      return dice.pick(['x', 'y', 'z']);
    case 'date':
      return dice.pick(['2001-01-31', '2020-02-29']);
    case 'timestamp':
      return dice.pick([
        '2001-01-31T09:30:00.000Z',
        '1999-12-31T23:59:59.999Z',
        '2001-01-31T09:30:00.000001Z',
        '2001-01-31T09:30:00.1234Z',
      ]);
    case 'geopoint':
      return { latitude: dice.pick([0, 47.5]), longitude: dice.pick([-8.25, 180]) };
    case 'struct':
      return dice.chance(50) ? { a: dice.roll(5) } : { a: dice.roll(5), b: 'q' };
    case 'array':
      return dice.some(['p', 'q', 'r'], dice.roll(3));
    case 'reference':
      return 'i0';
  }
}

export const ids = ['i0', 'i1', 'i2', 'i3'];

/** Objects with some of what they may have, made valid by leaving out what is not. */
export function randomState(world: World, seed: number): State | undefined {
  const dice = new Dice(seed);
  const state: State = { objects: new Map(), rows: new Map() };
  for (const [name, { key, fields }] of Object.entries(world.types)) {
    const all = new Map<string, Record<string, JsonValue>>();
    state.objects.set(name, all);
    for (const id of ids.slice(0, dice.roll(4) + (dice.chance(50) ? 1 : 0))) {
      const properties: Record<string, JsonValue> = {};
      for (const [property, field] of Object.entries(fields)) {
        if (property === key) properties[property] = id;
        else if (field.unique) {
          if (dice.chance(60)) properties[property] = String(all.size);
        } else if (field.kind !== 'reference' && (field.required || dice.chance(60))) properties[property] = randomStored(dice, field.kind);
      }
      all.set(id, properties);
    }
  }
  for (const link of Object.values(world.links)) if (link.via === null) addRows(dice, world, state, link);
  for (const [name, { fields }] of Object.entries(world.types)) {
    for (const [property, field] of Object.entries(fields)) {
      if (field.kind !== 'reference') continue;
      const targets = [...(state.objects.get(field.to as string)?.keys() ?? [])];
      const isSingle = Object.values(world.links).some(({ to, via, single }) => to === name && via === property && single);
      for (const properties of state.objects.get(name)?.values() ?? []) {
        if (targets.length > 0 && dice.chance(60))
          properties[property] = isSingle ? (targets.splice(dice.roll(targets.length), 1)[0] as string) : dice.pick(targets);
      }
    }
  }
  return faultsOf(world, state).length === 0 ? state : undefined;
}

function addRows(dice: Dice, world: World, state: State, link: Link): void {
  const name = Object.keys(world.links).find((one) => world.links[one] === link) as string;
  const [froms, tos] = [link.from, link.to].map((type) => [...(state.objects.get(type)?.keys() ?? [])]) as [string[], string[]];
  const rows = new Set<string>();
  for (const from of froms) for (const to of tos) if (dice.chance(35)) rows.add(`${from} ${to}`);
  state.rows.set(name, rows);
}

/** What an expression may speak of: things by type (or shape), and scalars. */
interface Reach {
  things: { name: string; type: string }[];
  integers: string[];
  texts: string[];
  rows: string[];
}

function randomAction(dice: Dice, world: World): Action {
  const names = Object.keys(world.types);
  const parameters: Record<string, Parameter> = {};
  const add = (name: string, kind: Parameter['kind'], of = '', required = dice.chance(50)) => {
    parameters[name] = { kind, of, required, constraints: [] };
  };
  add('p1', 'object', dice.pick(names), true);
  if (dice.chance(60)) add('p2', 'object', dice.pick(names), true);
  if (dice.chance(50)) add('many', 'objects', dice.pick(names));
  if (dice.chance(40)) add('set', 'set', dice.pick(names));
  if (dice.chance(40) && Object.values(world.types).some(({ shapes }) => shapes.length > 0)) add('any', 'anyOf', 'Shape', true);
  add('n1', 'integer');
  add('t1', 'string');
  if (dice.chance(50)) add('nums', 'integers');
  if (dice.chance(40)) add('rows', 'rows');
  const things = Object.entries(parameters).flatMap(([name, { kind, of }]) =>
    kind === 'object' || kind === 'anyOf' ? [{ name, type: of }] : [],
  );
  const reach: Reach = { things, integers: ['n1'], texts: ['t1'], rows: [] };
  if (dice.chance(30)) parameters.n1 = { ...(parameters.n1 as Parameter), fallback: dice.roll(9) };
  if (dice.chance(30)) (parameters.t1 as Parameter).prefill = text(dice, world, { ...reach, texts: [] }, 1);
  if (dice.chance(20)) (parameters.n1 as Parameter).visible = truth(dice, world, { ...reach, integers: [] }, 1);
  if (dice.chance(20)) (parameters.t1 as Parameter).needed = truth(dice, world, reach, 1);
  if (dice.chance(30)) (parameters.n1 as Parameter).constraints.push(truth(dice, world, reach, 1));
  const criteria = dice.chance(30) ? [truth(dice, world, reach, 2)] : [];
  const context: RuleContext = { dice, world, parameters, loops: 0 };
  return { parameters, criteria, rules: randomRules(context, reach, 2, 1 + dice.roll(4)), most: dice.chance(10) ? 2 : 1_000 };
}

/** The same world with two actions more: one that deletes an object, and one that creates an object of the same type, maybe that one. */
export function withReplacing(world: World, seed: number): World {
  const dice = new Dice(seed);
  const type = dice.pick(Object.keys(world.types));
  const parameter = (kind: Parameter['kind'], of = ''): Parameter => ({ kind, of, required: of !== '', constraints: [] });
  const reach: Reach = { things: [], integers: ['n1'], texts: ['t1'], rows: [] };
  const parameters = { n1: parameter('integer'), t1: parameter('string') };
  const takeAway: Action = {
    parameters: { p1: parameter('object', type) },
    criteria: [],
    rules: [{ do: 'delete', type, object: { is: 'name', name: 'p1' } }],
    most: 1_000,
  };
  const rules = [create({ dice, world, parameters, loops: 0 }, reach, type, false)];
  return { ...world, actions: { ...world.actions, takeAway, putBack: { parameters, criteria: [], rules, most: 1_000 } } };
}

interface RuleContext {
  dice: Dice;
  world: World;
  parameters: Record<string, Parameter>;
  loops: number;
}

function randomRules(context: RuleContext, reach: Reach, depth: number, count: number): Rule[] {
  const rules = Array.from({ length: count }, () => randomRule(context, reach, depth)).filter((rule): rule is Rule => rule !== undefined);
  if (rules.length > 0 || depth < 2) return rules;
  return [
    {
      do: 'modify',
      type: reach.things[0]?.type ?? '',
      object: { is: 'name', name: reach.things[0]?.name ?? '' },
      set: { n: { is: 'value', value: 1n } },
      unset: [],
    },
  ];
}

function randomRule(context: RuleContext, reach: Reach, depth: number): Rule | undefined {
  const { dice, world } = context;
  const rule = bareRule(context, reach, depth, dice.roll(100));
  return rule && dice.chance(20) ? { ...rule, when: truth(dice, world, reach, 1) } : rule;
}

function bareRule(context: RuleContext, reach: Reach, depth: number, roll: number): Rule | undefined {
  const { dice, world } = context;
  const types = Object.keys(world.types);
  const thing = dice.pick(reach.things);
  if (roll < 30 && thing) return modify(context, reach, thing);
  if (roll < 42) return create(context, reach, dice.pick(types), false);
  if (roll < 52) return create(context, reach, dice.pick(types), true);
  if (roll < 60 && thing) return { do: 'delete', type: thing.type, object: { is: 'name', name: thing.name } };
  if (roll < 74) return row(context, reach);
  if (depth === 0) return undefined;
  if (roll < 92) return forEach(context, reach, depth);
  const yes = randomRules(context, reach, depth - 1, 2);
  const no = randomRules(context, reach, depth - 1, dice.roll(2));
  return yes.length > 0 ? { do: 'if', condition: truth(dice, world, reach, 1), yes, no } : undefined;
}

function fieldsOf(world: World, type: string): Record<string, Field> {
  if (world.types[type]) return world.types[type]?.fields ?? {};
  const kinds: Record<string, Field> = {
    n: { kind: 'integer', required: false, unique: false, most: 50 },
    s: { kind: 'string', required: false, unique: false, longest: 8 },
  };
  return kinds;
}

function modify({ dice, world }: RuleContext, reach: Reach, thing: { name: string; type: string }): Rule | undefined {
  const key = world.types[thing.type]?.key;
  const names = Object.keys(fieldsOf(world, thing.type)).filter((name) => name !== key);
  const chosen = [...new Set(dice.some(names, 1 + dice.roll(2)))];
  const unset = chosen.filter((name) => !fieldsOf(world, thing.type)[name]?.required && dice.chance(15));
  const set = Object.fromEntries(
    chosen.filter((name) => !unset.includes(name)).map((name) => [name, fitting(dice, world, reach, thing.type, name)]),
  );
  return { do: 'modify', type: thing.type, object: { is: 'name', name: thing.name }, set, unset };
}

function create({ dice, world }: RuleContext, reach: Reach, type: string, orModify: boolean): Rule {
  const { key, fields } = world.types[type] as Type;
  const id = identity(dice, reach);
  const needed = Object.entries(fields).flatMap(([name, field]) =>
    name !== key && field.required && field.fallback === undefined ? [name] : [],
  );
  const others = Object.keys(fields).filter((name) => name !== key && !needed.includes(name));
  const set: Record<string, Tree> = key ? { [key]: id } : {};
  const more: Record<string, Tree> = {};
  for (const name of needed) (orModify && dice.chance(50) ? more : set)[name] = fitting(dice, world, reach, type, name);
  for (const name of new Set(dice.some(others, dice.roll(3)))) set[name] = fitting(dice, world, reach, type, name);
  const named = key ? null : id;
  if (!orModify) return { do: 'create', type, id: named, set };
  if (Object.keys(set).length === (key ? 1 : 0)) set.n = fitting(dice, world, reach, type, 'n');
  return { do: 'createOrModify', type, id: named, set, create: more };
}

function identity(dice: Dice, reach: Reach): Tree {
  const fresh: Tree = { is: 'value', value: dice.pick(['i0', 'i1', 'new1', 'new2']) };
  if (reach.rows.length > 0 && dice.chance(30))
    return {
      is: 'compute',
      by: '+',
      left: { is: 'value', value: 'r' },
      right: { is: 'choose', when: present(`${dice.pick(reach.rows)}.b`), yes: path(`${reach.rows[0]}.b`), no: { is: 'value', value: '' } },
    };
  const thing = dice.pick(reach.things);
  return thing && dice.chance(40)
    ? { is: 'compute', by: '+', left: { is: 'value', value: 'of-' }, right: path(`${thing.name}.id`) }
    : fresh;
}

function row({ dice, world }: RuleContext, reach: Reach): Rule | undefined {
  const links = Object.entries(world.links).filter(([, link]) => link.via === null);
  const chosen = links[dice.roll(Math.max(1, links.length))];
  if (!chosen) return undefined;
  const end = (type: string): Tree => {
    const mine = reach.things.filter((thing) => thing.type === type);
    return mine.length > 0 && dice.chance(80) ? { is: 'name', name: dice.pick(mine).name } : { is: 'value', value: dice.pick(ids) };
  };
  return { do: dice.chance(60) ? 'link' : 'unlink', link: chosen[0], from: end(chosen[1].from), to: end(chosen[1].to) };
}

function forEach(context: RuleContext, reach: Reach, depth: number): Rule | undefined {
  const { dice } = context;
  const source = randomSource(context, reach, dice.roll(100));
  if (!source) return undefined;
  const as = `v${context.loops++}`;
  const inner: Reach = { ...reach, things: [...reach.things], integers: [...reach.integers], rows: [...reach.rows] };
  if (source.of === '#integer') inner.integers.push(as);
  else if (source.of === '#row') inner.rows.push(as);
  else inner.things = [{ name: as, type: source.of }, ...(dice.chance(50) ? reach.things : [])];
  const rules = randomRules(context, inner, depth - 1, 1 + dice.roll(2));
  if (rules.length === 0) return undefined;
  const over = source.make(as);
  return { do: 'forEach', as, over, rules };
}

function randomSource(
  { dice, world, parameters }: RuleContext,
  reach: Reach,
  roll: number,
): { of: string; make: (as: string) => Source } | undefined {
  const lists = Object.entries(parameters).filter(([, { kind }]) => ['objects', 'set', 'integers', 'rows'].includes(kind));
  if (roll < 35 && lists.length > 0) {
    const [name, { kind, of }] = dice.pick(lists);
    return { of: kind === 'integers' ? '#integer' : kind === 'rows' ? '#row' : of, make: () => ({ over: 'list', parameter: name }) };
  }
  if (roll < 55) {
    const hasShape = Object.values(world.types).some(({ shapes }) => shapes.length > 0);
    const type = hasShape && dice.chance(35) ? 'Shape' : dice.pick(Object.keys(world.types));
    return { of: type, make: (as) => ({ over: 'query', type, where: question(dice, world, type, as) }) };
  }
  const thing = dice.pick(reach.things.filter(({ type }) => world.types[type]));
  const first = thing && hop(dice, world, thing.type);
  if (!thing || !first) return undefined;
  const of: Tree = { is: 'name', name: thing.name };
  const second = hop(dice, world, first.to);
  if (dice.chance(40) && second) return { of: second.to, make: () => ({ over: 'path', hops: [first, second], of }) };
  return { of: first.to, make: () => ({ over: 'link', link: first.link, of, forward: first.forward }) };
}

function hop(dice: Dice, world: World, type: string): { link: string; forward: boolean; to: string } | undefined {
  const hops = Object.entries(world.links).flatMap(([link, { from, to }]) => [
    ...(from === type ? [{ link, forward: true, to }] : []),
    ...(to === type ? [{ link, forward: false, to: from }] : []),
  ]);
  return hops.length > 0 ? dice.pick(hops) : undefined;
}

/** About one object, in a form that a database answers. */
function question(dice: Dice, world: World, type: string, as: string): Tree {
  const one = (): Tree => {
    const [name, field] = dice.pick(
      Object.entries(fieldsOf(world, type)).filter(([, { kind }]) =>
        ['integer', 'string', 'enum', 'boolean', 'decimal', 'long', 'reference'].includes(kind),
      ),
    );
    const value: Tree = { is: 'value', value: literalOf(field.kind, randomStored(dice, field.kind)) };
    const property = path(`${as}.${name}`);
    const isOrdered = ['integer', 'decimal', 'long'].includes(field.kind);
    if (isOrdered && dice.chance(50))
      return {
        is: 'both',
        left: present(`${as}.${name}`),
        right: { is: 'compare', by: dice.pick(['<', '<=', '>', '>='] as const), left: property, right: value },
      };
    return { is: 'compare', by: dice.pick(['==', '!='] as const), left: property, right: value };
  };
  const roll = dice.roll(4);
  if (roll === 0) return { is: 'both', left: one(), right: one() };
  if (roll === 1) return { is: 'either', left: one(), right: one() };
  return roll === 2 ? { is: 'not', of: one() } : one();
}

function literalOf(kind: Kind, stored: JsonValue): Value {
  if (kind === 'integer' || kind === 'long') return BigInt(stored as number | string);
  return kind === 'decimal' ? fixed(stored as string) : (stored as Value);
}

function path(text: string): Tree {
  const [name = '', property] = text.split('.');
  return property === undefined ? { is: 'name', name } : { is: 'property', of: { is: 'name', name }, name: property };
}

function present(text: string): Tree {
  return { is: 'compare', by: '!=', left: path(text), right: { is: 'value', value: null } };
}

/** An expression whose type fits the property; its value may still not. */
function fitting(dice: Dice, world: World, reach: Reach, type: string, name: string): Tree {
  const field = fieldsOf(world, type)[name] as Field;
  const same = reach.things.flatMap((thing) =>
    Object.entries(fieldsOf(world, thing.type)).flatMap(([other, { kind, to }]) =>
      kind === field.kind && to === field.to ? [path(`${thing.name}.${other}`)] : [],
    ),
  );
  if (field.kind === 'reference') {
    const mine = reach.things.filter((thing) => thing.type === field.to);
    if (mine.length > 0 && dice.chance(60)) return { is: 'name', name: dice.pick(mine).name };
    return dice.chance(15) ? { is: 'value', value: null } : { is: 'value', value: dice.pick(ids) };
  }
  if (field.kind === 'integer' || field.kind === 'long') return integer(dice, world, reach, 2);
  if (field.kind === 'string') return text(dice, world, reach, 2);
  if (field.kind === 'boolean') return truth(dice, world, reach, 1);
  if (same.length > 0 && dice.chance(70)) return dice.pick(same);
  if (['enum', 'date', 'decimal', 'double', 'array'].includes(field.kind))
    return { is: 'value', value: literalOf(field.kind, randomStored(dice, field.kind)) };
  return same.length > 0 ? dice.pick(same) : { is: 'value', value: null };
}

function integer(dice: Dice, world: World, reach: Reach, depth: number): Tree {
  const named = [...reach.integers, ...reach.things.map(({ name }) => `${name}.n`), ...reach.rows.map((name) => `${name}.a`)];
  const roll = dice.roll(100);
  if (depth === 0 || roll < 30) return { is: 'value', value: BigInt(dice.roll(12) - 2) };
  if (roll < 65 && named.length > 0) return maybeAbsent(dice, dice.pick(named), depth, 3n);
  if (roll < 80 && named.length > 0) {
    const chosen = dice.pick(named);
    return {
      is: 'choose',
      when: present(chosen),
      yes: { is: 'compute', by: dice.pick(['+', '-', '*'] as const), left: path(chosen), right: integer(dice, world, reach, 0) },
      no: integer(dice, world, reach, depth - 1),
    };
  }
  return {
    is: 'compute',
    by: dice.pick(['+', '-', '*'] as const),
    left: integer(dice, world, reach, depth - 1),
    right: integer(dice, world, reach, depth - 1),
  };
}

/** Inside a computation what is absent makes it fail, which is wanted now and then. */
function maybeAbsent(dice: Dice, named: string, depth: number, otherwise: Value): Tree {
  if (depth > 1 || dice.chance(6)) return path(named);
  return { is: 'choose', when: present(named), yes: path(named), no: { is: 'value', value: otherwise } };
}

function text(dice: Dice, world: World, reach: Reach, depth: number): Tree {
  const named = [
    ...reach.texts,
    ...reach.things.flatMap(({ name }) => [`${name}.s`, `${name}.id`]),
    ...reach.rows.map((name) => `${name}.b`),
  ];
  const roll = dice.roll(100);
  if (depth === 0 || roll < 30) return { is: 'value', value: dice.pick(['', 'a', 'abc', '😀', 'o"k\\']) };
  if (roll < 70 && named.length > 0) return maybeAbsent(dice, dice.pick(named), depth, 'b');
  return { is: 'compute', by: '+', left: text(dice, world, reach, depth - 1), right: text(dice, world, reach, depth - 1) };
}

function truth(dice: Dice, world: World, reach: Reach, depth: number): Tree {
  const roll = dice.roll(100);
  if (depth === 0 || roll < 15) return { is: 'value', value: dice.chance(80) };
  if (roll < 45)
    return {
      is: 'compare',
      by: dice.pick(['==', '!='] as const),
      left: integer(dice, world, reach, 1),
      right: integer(dice, world, reach, 1),
    };
  if (roll < 65)
    return {
      is: 'compare',
      by: dice.pick(['<', '<=', '>', '>='] as const),
      left: integer(dice, world, reach, 1),
      right: integer(dice, world, reach, 1),
    };
  if (roll < 75)
    return { is: 'compare', by: dice.pick(['==', '!='] as const), left: text(dice, world, reach, 1), right: text(dice, world, reach, 1) };
  if (roll < 80) return { is: 'within', item: integer(dice, world, reach, 1), list: { is: 'value', value: [1n, 2n, 3n] } };
  if (roll < 85) return { is: 'not', of: truth(dice, world, reach, depth - 1) };
  return {
    is: dice.chance(50) ? 'both' : 'either',
    left: truth(dice, world, reach, depth - 1),
    right: truth(dice, world, reach, depth - 1),
  };
}

export function randomParameters(world: World, state: State, { parameters }: Action, seed: number): JsonObject {
  const dice = new Dice(seed);
  const given: JsonObject = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const isNeeded = parameter.required && !parameter.prefill && parameter.fallback === undefined && !parameter.visible;
    if (!isNeeded && dice.chance(35)) continue;
    const value = randomArgument(dice, world, state, parameter);
    if (value !== undefined) given[name] = value;
  }
  return given;
}

function randomArgument(dice: Dice, world: World, state: State, { kind, of }: Parameter): JsonValue | undefined {
  const any = (type: string) => {
    const there = [...(state.objects.get(type)?.keys() ?? [])];
    return there.length > 0 && dice.chance(97) ? dice.pick(there) : 'i9';
  };
  switch (kind) {
    case 'object':
      return any(of);
    case 'anyOf': {
      const type = dice.pick(Object.entries(world.types).flatMap(([name, { shapes }]) => (shapes.includes(of) ? [name] : [])));
      return { type, id: any(type) };
    }
    case 'objects':
      return Array.from({ length: dice.roll(3) }, () => any(of)).filter((id) => id !== 'i9');
    case 'set': {
      const tree = question(dice, world, of, 'object');
      rememberFilter(print(tree), tree);
      return { filter: print(tree) };
    }
    case 'integer':
      return dice.roll(12) - 2;
    case 'string':
      return dice.pick(['', 'a', 'abc', 'long text', '😀']);
    case 'integers':
      return dice.some([0, 1, 2, 3], dice.roll(3));
    case 'rows':
      return Array.from({ length: dice.roll(3) }, () => ({
        ...(dice.chance(70) ? { a: dice.roll(5) } : {}),
        ...(dice.chance(70) ? { b: dice.pick(['p', 'q']) } : {}),
      }));
  }
}
