import type { CompiledObjectType } from './compiled-ontology.ts';
import type { AnyDefinition } from './definition.ts';
import { compareText, type JsonObject, type JsonValue } from './json.ts';
import type { Edit, ObjectEdit } from './plan.ts';

/** How policies see a property: its texts, truth values, or the bounds of its numbers. */
export type AttributeKind = 'text' | 'boolean' | 'number';

/** Distinct values in "C" order; of numbers the bounds, as whole numbers, widened to the next. */
export type AttributeValues = string[] | boolean[] | { least: number; most: number };

/** The objects of one type that a plan touches. */
export interface TouchedType {
  /** How many there are, also where not all were looked at. */
  objects: number;
  /** The first of them. A key is never sensitive. */
  ids: string[];
  /** Whether an object or a value was left out, so that what is not here may be there all the same. */
  cut: boolean;
  /** By property; one that no object has is absent. */
  before: Record<string, AttributeValues>;
  after: Record<string, AttributeValues>;
}

/** Edits that are looked at of one plan, in its order: every decision reads them. */
export const mostTouched = 2_000;
const mostValues = 100; // Of one property, before or after: beyond these nobody asks for one by name.
const mostInAll = 5_000; // Of one plan: the engine is handed all of them with every question.
const longestText = 200; // As long as an id; longer texts are prose.

/** The properties of a type that policies may go by. Never sensitive ones: by a policy and a dry run of it somebody could find their values out. */
export function attributeKinds({ properties }: Pick<CompiledObjectType, 'properties'>): [property: string, AttributeKind][] {
  return [...properties]
    .sort(([one], [other]) => compareText(one, other))
    .flatMap(([name, definition]): [string, AttributeKind][] => {
      const kind = definition.sensitive ? null : kindOf(definition);
      return kind === null ? [] : [[name, kind]];
    });
}

/** The texts that properties of a type may have, or elements of their lists, of those that policies may go by and that are not open. */
export function attributeValues({ properties }: Pick<CompiledObjectType, 'properties'>): Record<string, readonly string[]> {
  const closed = [...properties].flatMap(([name, definition]): [string, readonly string[]][] => {
    const values = definition.sensitive ? null : valuesOfText(definition);
    return values === null ? [] : [[name, values]];
  });
  return Object.fromEntries(closed);
}

function valuesOfText(definition: AnyDefinition): readonly string[] | null {
  if (definition.type === 'array') return valuesOfText(definition.items);
  if (definition.type === 'enum') return definition.values;
  return definition.type === 'string' ? (definition.oneOf ?? null) : null;
}

/**
 * What a plan's edits make of the objects that they touch, by type. Pure, and bounded in all directions: `edits` are the first of the plan, `counts` says how many objects of
 * each type all of them touch, and `live` holds the objects as they are, from which come the properties that the plan does not write.
 */
export function touchedObjects(
  edits: readonly Edit[],
  counts: Readonly<Record<string, number>>,
  types: ReadonlyMap<string, CompiledObjectType>,
  live: (type: string, id: string) => JsonObject | undefined,
): Record<string, TouchedType> {
  const room = { left: mostInAll };
  const found: Record<string, TouchedType> = {};
  for (const type of Object.keys(counts).sort(compareText)) {
    const definition = types.get(type);
    if (definition === undefined) continue;
    const mine = edits.filter((edit): edit is ObjectEdit => 'type' in edit && edit.type === type);
    found[type] = touchedType(definition, mine, counts[type] ?? 0, (id) => live(type, id), room);
  }
  return found;
}

function touchedType(
  definition: CompiledObjectType,
  edits: readonly ObjectEdit[],
  objects: number,
  live: (id: string) => JsonObject | undefined,
  room: { left: number },
): TouchedType {
  const states = edits.map((edit) => statesOf(edit, live(edit.id)));
  const ids = textsOf(
    edits.map(({ id }) => id),
    room,
  );
  const touched: TouchedType = {
    objects,
    ids: ids.values,
    cut: ids.cut || edits.length < objects || states.some(({ cut }) => cut),
    before: {},
    after: {},
  };
  for (const [property, kind] of attributeKinds(definition)) {
    for (const side of ['before', 'after'] as const) {
      const given = states.flatMap((state) => itemsOf(state[side][property]));
      if (given.length === 0) continue;
      const { values, cut } = valuesOf(kind, given, room);
      if (values !== null) touched[side][property] = values;
      touched.cut ||= cut;
    }
  }
  return touched;
}

/** `cut`: an object that is modified and is not there, of which only what the plan writes is known. */
function statesOf(edit: ObjectEdit, live: JsonObject | undefined): { before: JsonObject; after: JsonObject; cut: boolean } {
  if (edit.op === 'create') return { before: {}, after: edit.set, cut: false };
  if (edit.op === 'delete') return { before: edit.before, after: {}, cut: false };
  const { set = {}, unset = [] } = edit;
  const written = [...Object.keys(set), ...unset];
  const before = { ...without(live ?? {}, written), ...edit.before };
  return { before, after: { ...without(before, unset), ...set }, cut: live === undefined };
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function itemsOf(value: JsonValue | undefined): JsonValue[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.flatMap(itemsOf) : [value];
}

function valuesOf(
  kind: AttributeKind,
  given: readonly JsonValue[],
  room: { left: number },
): { values: AttributeValues | null; cut: boolean } {
  switch (kind) {
    case 'text':
      return textsOf(given, room);
    case 'boolean': {
      const values = [false, true].filter((value) => given.includes(value));
      return { values, cut: given.some((value) => typeof value !== 'boolean') };
    }
    case 'number': {
      const numbers = given.map(numberOf).filter((number) => number !== null);
      const values = numbers.length === 0 ? null : { least: Math.floor(smallest(numbers)), most: Math.ceil(greatest(numbers)) };
      return { values, cut: numbers.length < given.length };
    }
  }
}

/** The first of them. What is no text will be one when an answer has come. */
function textsOf(given: readonly JsonValue[], room: { left: number }): { values: string[]; cut: boolean } {
  const texts = given.filter((value): value is string => typeof value === 'string' && value.length <= longestText);
  const distinct = [...new Set(texts)].sort(compareText);
  const values = distinct.slice(0, Math.min(mostValues, room.left));
  room.left -= values.length;
  return { values, cut: values.length < distinct.length || texts.length < given.length };
}

/** What is larger than any whole number that JSON carries safely is that one. */
function numberOf(value: JsonValue): number | null {
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  return Number.isNaN(number) ? null : Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
}

function smallest(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => Math.min(one, other));
}

function greatest(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => Math.max(one, other));
}

function kindOf(definition: AnyDefinition): AttributeKind | null {
  switch (definition.type) {
    case 'array':
      return kindOf(definition.items);
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'double':
    case 'long':
    case 'decimal':
      return 'number';
    case 'string':
    case 'enum':
    case 'date':
    case 'timestamp':
    case 'reference':
      return 'text';
    case 'geopoint':
    case 'struct':
      return null;
  }
}
