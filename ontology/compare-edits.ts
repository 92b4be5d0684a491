import { equalJson } from './equal-json.ts';
import type { JsonValue } from './json.ts';
import type { Edit } from './plan.ts';

/** What one plan makes of one property: its value before and after, each left out where there is none. */
export interface PropertyChange {
  before?: JsonValue;
  after?: JsonValue;
}

/** Where two plans differ in what they make of one property. Null: that plan does not touch it. */
export interface PropertyDifference {
  property: string;
  from: PropertyChange | null;
  to: PropertyChange | null;
}

/** One object or link row of which two plans make different things. */
export type EditDifference =
  | { kind: 'added'; edit: Edit }
  | { kind: 'removed'; edit: Edit }
  /** `properties` is empty where the edits differ in their operation alone, and for links. */
  | { kind: 'changed'; from: Edit; to: Edit; properties: PropertyDifference[] };

/** How two edits of one object or link row differ, in the order of the properties' names. */
export function compareEdits(from: Edit, to: Edit): EditDifference {
  const [was, is] = [changesOf(from), changesOf(to)];
  const properties = [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((property) => {
    const sides = { from: was.get(property) ?? null, to: is.get(property) ?? null };
    return isEqual(sides.from, sides.to) ? [] : [{ property, ...sides }];
  });
  return { kind: 'changed', from, to, properties };
}

function isEqual(left: PropertyChange | null, right: PropertyChange | null): boolean {
  return left === null || right === null ? left === right : equalJson(left.before, right.before) && equalJson(left.after, right.after);
}

function changesOf(edit: Edit): Map<string, PropertyChange> {
  if ('link' in edit) {
    return new Map();
  }
  const before = edit.op === 'create' ? {} : edit.before;
  const after = edit.op === 'delete' ? {} : (edit.set ?? {});
  const touched = new Set([...Object.keys(before), ...Object.keys(after), ...((edit.op === 'modify' && edit.unset) || [])]);
  return new Map([...touched].map((property) => [property, { ...side('before', before[property]), ...side('after', after[property]) }]));
}

function side(name: 'before' | 'after', value: JsonValue | undefined): PropertyChange {
  return value === undefined ? {} : { [name]: value };
}
