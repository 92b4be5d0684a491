import { fromCel, toJson } from './cel/cel-values.ts';
import { ExpressionError } from './cel/expression.ts';
import { ObjectView } from './cel/object-view.ts';
import { Decimal, longestDecimal } from './decimal.ts';
import type { AnyDefinition } from './definition.ts';
import { Instant } from './instant.ts';
import { isStorableText, type JsonScalar } from './json.ts';

/**
 * @throws {ExpressionError} for values that no property can hold, or that are of another kind than the property, which the checker lets through as `dyn`: asking
 * PostgreSQL for them would fail, or find what is only near.
 */
export function scalarOf(definition: AnyDefinition, value: unknown, pointer: string): JsonScalar {
  if (!isOfKind(definition, value)) {
    throw new ExpressionError(pointer, `a value is none that a ${definition.type} can be compared with`, undefined);
  }
  if (definition.type === 'integer' && typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) {
    throw new ExpressionError(pointer, 'a number is no integer that a property can hold', undefined);
  }
  if (definition.type === 'double' && typeof value === 'bigint' && BigInt(Number(value)) !== value) {
    throw new ExpressionError(pointer, 'a number is no double that a property can hold', undefined);
  }
  if (definition.type === 'decimal' && value instanceof Decimal && value.toString().length > longestDecimal) {
    throw new ExpressionError(pointer, `a decimal has more than ${longestDecimal} characters`, undefined);
  }
  if (definition.type === 'long' && typeof value === 'number') {
    return asLong(value);
  }
  const json = fromCel(definition, value) ?? null;
  const scalar = typeof json === 'object' && json !== null ? JSON.stringify(toJson(value)) : json;
  return typeof scalar === 'string' ? storable(scalar, pointer) : scalar;
}

/** A double as text that compares with every long as the double does: halves stand for all fractions, and what is beyond every long for all that is. */
function asLong(value: number): string {
  const beyond = 2n ** 64n;
  const floor = value >= 2 ** 64 ? beyond : value <= -(2 ** 64) ? -beyond : BigInt(Math.floor(value));
  if (Number.isInteger(value)) return floor.toString();
  return new Decimal(floor * 2n + 1n, 0).times(new Decimal(5n, 1)).toString();
}

function isOfKind({ type }: AnyDefinition, value: unknown): boolean {
  if (value === null || value === undefined) {
    return true;
  }
  switch (type) {
    case 'integer':
    case 'long':
    case 'double':
      return typeof value === 'bigint' || Number.isFinite(value); // JSON has no word for what is not finite.
    case 'boolean':
      return typeof value === 'boolean';
    case 'decimal':
      return value instanceof Decimal;
    case 'timestamp':
      return value instanceof Date || value instanceof Instant;
    case 'reference':
      return typeof value === 'string' || value instanceof ObjectView;
    case 'string':
    case 'enum':
    case 'date':
      return typeof value === 'string';
    default:
      return true; // Lists, structs and points are asked for presence and elements alone.
  }
}

export function storable(value: string, pointer: string): string {
  if (!isStorableText(value)) {
    throw new ExpressionError(pointer, 'a text holds a character that no property can hold', undefined);
  }
  return value;
}
