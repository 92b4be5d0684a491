import type { PatternElem, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { JsonObject } from '../ontology/json.ts';
import { neverThere } from './never-there.ts';
import { type Place, Places } from './places.ts';

/**
 * Texts that a Cedar policy compares with something that is never one of them, such as `context.plan.riskTier == "hihg"`. Cedar's check takes every text for possible, so
 * such a comparison would never hold. Only of what has a closed set of texts, and only of texts that are written there. In words, one for each.
 */
export function impossibleTexts(schema: JsonObject, { action, conditions }: PolicyJson): string[] {
  const places = new Places(schema, action);
  const found = new Set<string>();
  const on = (op: string, { left, right, pattern }: Comparison) => {
    const mine = places.of(left);
    if (op === 'like') for (const words of unmatched(mine, pattern ?? [])) found.add(words);
    if (right === undefined) return;
    const theirs = places.of(right);
    for (const words of neverEqual(op, mine, theirs)) found.add(words);
  };
  visit(conditions, on);
  return [...found];
}

/** What is written on one side and is never on the other, of which `op` says how they are compared. */
export function neverEqual(op: string, mine: Place[], theirs: Place[]): string[] {
  return compared(op === 'contains' ? elementsOf(mine) : sidesOf(op, mine), sidesOf(op, theirs));
}

interface Comparison {
  left: object;
  right?: object;
  pattern?: PatternElem[];
}

const comparisons = new Set(['==', '!=', 'contains', 'containsAll', 'containsAny', 'like']);

/** The depth is bounded by what Cedar parses. */
function visit(expression: unknown, on: (op: string, comparison: Comparison) => void): void {
  if (typeof expression !== 'object' || expression === null) return;
  for (const [key, inner] of Object.entries(expression)) {
    if (comparisons.has(key) && typeof inner === 'object' && inner !== null && 'left' in inner) on(key, inner as Comparison);
    visit(inner, on);
  }
}

/** What is compared one by one: elements of sets, or the whole. */
function sidesOf(op: string, places: Place[]): Place[][] {
  const isOfElements = op === 'containsAll' || op === 'containsAny' || places.every(({ elements }) => elements !== undefined);
  return isOfElements && op !== 'contains' ? elementsOf(places) : [places];
}

function elementsOf(places: readonly Place[]): Place[][] {
  return places.flatMap(({ elements }) => elements ?? []);
}

/** What of either side is written there and is never what the other side is. */
function compared(left: readonly Place[][], right: readonly Place[][]): string[] {
  const [one = [], other = []] = [left[0], right[0]];
  const parts = left.length === 1 && right.length === 1 ? sharedNames(one, other) : [];
  return [
    ...left.flatMap((mine) => unmet(mine, right)),
    ...right.flatMap((mine) => unmet(mine, left)),
    ...parts.flatMap((name) => compared(sidesOf('==', allAt(one, name)), sidesOf('==', allAt(other, name)))),
  ];
}

function unmet(written: readonly Place[], others: readonly Place[][]): string[] {
  const texts = textsOf(written);
  const known = others.map(textsOf);
  if (texts === null || !written.every(isLiteral) || others.every((other) => other.every(isLiteral))) return [];
  const all = known.flatMap((some) => some ?? []);
  if (known.includes(null) || texts.some((text) => all.includes(text))) return [];
  return [neverThere('compares with', texts[0] ?? '', [...new Set(all)])];
}

function unmatched(places: readonly Place[], pattern: readonly PatternElem[]): string[] {
  const texts = textsOf(places);
  if (texts === null || places.every(isLiteral)) return [];
  const written = pattern.map((part) => (part === 'Wildcard' ? '*' : part.Literal)).join('');
  return texts.some((text) => matches([...text], pattern)) ? [] : [neverThere('compares with what is like', written, texts)];
}

/** As Cedar does: a wildcard stands for any characters. Steps are at most the text's length times the pattern's. */
function matches(text: readonly string[], pattern: readonly PatternElem[]): boolean {
  let reached = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    if (part === 'Wildcard') for (let at = Math.min(...reached); at <= text.length; at++) next.add(at);
    else for (const at of reached) if (text[at] === part.Literal) next.add(at + 1);
    if (next.size === 0) return false;
    reached = next;
  }
  return reached.has(text.length);
}

/** Null where it may be any text, or something else. */
function textsOf(places: readonly Place[]): string[] | null {
  const texts = places.map((place) => place.texts);
  return places.length > 0 && texts.every((some) => some !== undefined) ? texts.flat() : null;
}

function isLiteral(place: Place): boolean {
  return place.isLiteral === true;
}

function sharedNames(one: readonly Place[], other: readonly Place[]): string[] {
  const names = new Set(other.flatMap((place) => place.names));
  return [...new Set(one.flatMap((place) => place.names))].filter((name) => names.has(name));
}

function allAt(places: readonly Place[], name: string): Place[] {
  return places.flatMap((place) => place.at(name));
}
