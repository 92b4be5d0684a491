import { type Comparison, type Condition, fieldOf } from './condition.ts';
import { Decimal } from './decimal.ts';
import type { AnyDefinition, PropertyDefinition } from './definition.ts';
import { sortableInstant } from './instant.ts';
import { compareText, type JsonScalar, type JsonValue } from './json.ts';
import type { ObjectState } from './object-state.ts';

/** Answers a condition as PostgreSQL does: two-valued, so that `not` of a comparison with an absent property is true. */
export function conditionMatches(condition: Condition, object: ObjectState, properties: ReadonlyMap<string, PropertyDefinition>): boolean {
  if ('all' in condition) {
    return condition.all.every((inner) => conditionMatches(inner, object, properties));
  }
  if ('any' in condition) {
    return condition.any.some((inner) => conditionMatches(inner, object, properties));
  }
  if ('not' in condition) {
    return !conditionMatches(condition.not, object, properties);
  }
  const path = condition.path ?? [];
  const held = path.reduce(valueIn, condition.property === 'id' ? object.id : object.properties[condition.property]);
  if (held === undefined || held === null) {
    return condition.op === 'ne' || (condition.op === 'size' && condition.is === 'ne');
  }
  const type = path.reduce(fieldOf, properties.get(condition.property) as AnyDefinition | undefined)?.type ?? 'string';
  switch (condition.op) {
    case 'present':
      return true;
    case 'contains':
      return Array.isArray(held) && held.includes(condition.value);
    case 'containsAny':
      return Array.isArray(held) && held.some((item) => condition.values.includes(item as string));
    case 'startsWith':
      return typeof held === 'string' && held.startsWith(condition.value);
    case 'endsWith':
      return typeof held === 'string' && held.endsWith(condition.value);
    case 'includes':
      return typeof held === 'string' && held.includes(condition.value);
    case 'size':
      return Array.isArray(held) && answers(condition.is, 'integer', held.length, condition.value);
    case 'in':
      return condition.values.some((value) => compareValues(type, held, value) === 0);
    default:
      return answers(condition.op, type, held, condition.value);
  }
}

function valueIn(held: JsonValue | undefined, name: string): JsonValue | undefined {
  return typeof held === 'object' && held !== null && !Array.isArray(held) ? held[name] : undefined;
}

function answers(op: Comparison, type: string, held: JsonValue, value: JsonScalar): boolean {
  switch (op) {
    case 'eq':
      return compareValues(type, held, value) === 0;
    case 'ne':
      return compareValues(type, held, value) !== 0;
    case 'lt':
      return isOrdered(type, held, value, (order) => order < 0);
    case 'le':
      return isOrdered(type, held, value, (order) => order <= 0);
    case 'gt':
      return isOrdered(type, held, value, (order) => order > 0);
    case 'ge':
      return isOrdered(type, held, value, (order) => order >= 0);
  }
}

function isOrdered(type: string, held: JsonValue, value: JsonScalar, test: (order: number) => boolean): boolean {
  const order = compareValues(type, held, value);
  return order !== undefined && test(order);
}

/** The order of two stored values of one property; undefined where they cannot be compared, which answers every comparison with no. */
export function compareValues(type: string, left: JsonValue, right: JsonScalar): number | undefined {
  if (typeof left !== typeof right) {
    return undefined;
  }
  switch (typeof left) {
    case 'number':
      return left - (right as number);
    case 'boolean':
      return Number(left) - Number(right);
    case 'string':
      if (type === 'timestamp') return compareText(sortableInstant(left), sortableInstant(right as string));
      return type === 'long' || type === 'decimal' ? compareNumbers(left, right as string) : compareText(left, right as string);
    default:
      return undefined;
  }
}

function compareNumbers(left: string, right: string): number | undefined {
  const [a, b] = [Decimal.parse(left), Decimal.parse(right)];
  return a && b ? a.compare(b) : undefined;
}
