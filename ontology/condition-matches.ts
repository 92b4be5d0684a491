import type { Condition } from './condition.ts';
import { Decimal } from './decimal.ts';
import type { PropertyDefinition } from './definition.ts';
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
  const held = condition.property === 'id' ? object.id : object.properties[condition.property];
  if (held === undefined || held === null) {
    return condition.op === 'ne';
  }
  const type = properties.get(condition.property)?.type ?? 'string';
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
    case 'in':
      return condition.values.some((value) => compareValues(type, held, value) === 0);
    case 'eq':
      return compareValues(type, held, condition.value) === 0;
    case 'ne':
      return compareValues(type, held, condition.value) !== 0;
    case 'lt':
      return isOrdered(type, held, condition.value, (order) => order < 0);
    case 'le':
      return isOrdered(type, held, condition.value, (order) => order <= 0);
    case 'gt':
      return isOrdered(type, held, condition.value, (order) => order > 0);
    case 'ge':
      return isOrdered(type, held, condition.value, (order) => order >= 0);
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
      return type === 'long' || type === 'decimal' ? compareNumbers(left, right as string) : compareText(left, right as string);
    default:
      return undefined;
  }
}

function compareNumbers(left: string, right: string): number | undefined {
  const [a, b] = [Decimal.parse(left), Decimal.parse(right)];
  return a && b ? a.compare(b) : undefined;
}
