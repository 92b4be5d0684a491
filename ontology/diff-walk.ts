import { canonicalText } from './canonical-json.ts';
import { type ChangeCode, changeCodes } from './change-codes.ts';
import { compareText, type JsonObject, type JsonValue, pointerTo } from './json.ts';

/** One difference between two documents. */
export interface OntologyChange {
  /** RFC 6901, into the later document; of what was removed, into the earlier one. */
  pointer: string;
  kind: 'added' | 'removed' | 'changed';
  code: ChangeCode;
  impact: 'compatible' | 'breaking';
  message: string;
}

/** A place at which two documents differ. Undefined: nothing is there. */
export interface Difference {
  pointer: string;
  before: JsonValue | undefined;
  after: JsonValue | undefined;
  /** What the two values are part of. */
  within: { before: JsonObject; after: JsonObject };
}

/** Says what a difference means. Whatever it returns must cover the difference. */
export type Judge = (difference: Difference) => OntologyChange[];

/** A judge for each name; `*` for the others. What nobody judges counts as breaking: a word that is new here must not pass for harmless. */
export type Judges = Readonly<Record<string, Judge>>;

export function change(
  code: ChangeCode,
  { pointer, before, after }: Pick<Difference, 'pointer' | 'before' | 'after'>,
  detail = '',
): OntologyChange {
  const { impact, words } = changeCodes[code];
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return { pointer, kind, code, impact, message: detail === '' ? words : `${words}: ${detail}` };
}

/** What differs between two objects, name by name in the order of names. */
export function diffNames(before: JsonObject, after: JsonObject, pointer: string, judges: Judges): OntologyChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(compareText);
  return names.flatMap((name) => {
    const difference = { pointer: pointerTo(pointer, name), before: own(before, name), after: own(after, name), within: { before, after } };
    if (isSame(difference.before, difference.after)) return [];
    const found = (own(judges, name) ?? own(judges, '*') ?? one('definition_changed'))(difference);
    return found.length > 0 ? found : [change('restated', difference)];
  });
}

export function isSame(before: JsonValue | undefined, after: JsonValue | undefined): boolean {
  return before === undefined || after === undefined ? before === after : canonicalText(before) === canonicalText(after);
}

export const one =
  (code: ChangeCode): Judge =>
  (difference) => [change(code, difference)];

/** For a map from names to definitions. */
export function named(
  added: Judge,
  removed: Judge,
  changed: (before: JsonObject, after: JsonObject, pointer: string) => OntologyChange[],
): Judge {
  const judge: Judge = (difference) => {
    const { before, after, pointer } = difference;
    if (before === undefined) return added(difference);
    return after === undefined ? removed(difference) : changed(before as JsonObject, after as JsonObject, pointer);
  };
  return ({ before = {}, after = {}, pointer }) => diffNames(before as JsonObject, after as JsonObject, pointer, { '*': judge });
}

/** For what has no rules of its own: one code, at each of the deepest places that differ. */
export function deep(code: ChangeCode): Judge {
  const judge: Judge = (difference) => {
    const { before, after, pointer } = difference;
    if (isObject(before) && isObject(after)) return diffNames(before, after, pointer, { '*': judge });
    if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
      return diffNames({ ...before } as unknown as JsonObject, { ...after } as unknown as JsonObject, pointer, { '*': judge });
    }
    return [change(code, difference)];
  };
  return judge;
}

/** For a flag that is off where nothing is said. */
export const flag =
  (added: ChangeCode, removed: ChangeCode): Judge =>
  (difference) =>
    (difference.before === true) === (difference.after === true) ? [] : [change(difference.after === true ? added : removed, difference)];

/** For a list that is a set: each member that came or went, at the list. Nothing is said of an order. */
export const members =
  (added: ChangeCode, removed: ChangeCode): Judge =>
  (difference) => {
    const { before, after } = difference;
    const earlier = new Map(listOf(before).map((member) => [canonicalText(member), member]));
    const later = new Map(listOf(after).map((member) => [canonicalText(member), member]));
    const found = [
      ...[...earlier].flatMap(([text]) => (later.has(text) ? [] : [change(removed, difference, text)])),
      ...[...later].flatMap(([text]) => (earlier.has(text) ? [] : [change(added, difference, text)])),
    ];
    return found.length > 0 ? found : [change(before === undefined || after === undefined ? 'restated' : 'order_changed', difference)];
  };

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
