import { Duration } from '@marcbachmann/cel-js/evaluator';
import { Decimal } from '../decimal.ts';
import type { ArrayDefinition, ValueDefinition } from '../definition.ts';
import type { JsonValue } from '../json.ts';
import { ObjectView } from './object-view.ts';

/** A stored value as expressions see it; absent is null. */
export function toCel(definition: ValueDefinition | ArrayDefinition, json: JsonValue | undefined): unknown {
  if (json === undefined || json === null) {
    return null;
  }
  switch (definition.type) {
    case 'integer':
    case 'long':
      return BigInt(json as number | string);
    case 'decimal':
      return Decimal.parse(json as string);
    case 'timestamp':
      return new Date(json as string);
    case 'array':
      return needsConversion(definition.items) ? (json as JsonValue[]).map((item) => toCel(definition.items, item)) : json;
    default:
      return json;
  }
}

function needsConversion(definition: ValueDefinition): boolean {
  return definition.type === 'integer' || definition.type === 'long' || definition.type === 'decimal' || definition.type === 'timestamp';
}

/** An expression's value in the form a stored value of this definition has, not yet checked against it. Undefined means absent. */
export function fromCel(definition: ValueDefinition | ArrayDefinition, value: unknown): JsonValue | undefined {
  if (value === null || value === undefined) {
    return undefined;
  }
  if (definition.type === 'array') {
    const items = Array.isArray(value) ? value : value instanceof Set ? [...value] : undefined;
    return items ? items.map((item) => fromCel(definition.items, item) ?? null) : toJson(value);
  }
  if (definition.type === 'long' || definition.type === 'decimal') {
    return typeof value === 'bigint' ? value.toString() : toJson(value);
  }
  if (definition.type === 'date' && value instanceof Date) {
    return value.toISOString().slice(0, 10);
  }
  return toJson(value);
}

/** The JSON that comes nearest to an expression's value; what JSON has no word for becomes text that no check lets through by accident. */
export function toJson(value: unknown): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'number':
      return value;
    case 'bigint':
      return Number(value);
    case 'object':
      break;
    default:
      return `<${typeof value}>`;
  }
  if (value === null) {
    return null;
  }
  if (value instanceof Date) {
    return value.toISOString();
  }
  if (value instanceof Decimal || value instanceof Duration) {
    return value.toString();
  }
  if (value instanceof ObjectView) {
    return value.id as string;
  }
  return Array.isArray(value) ? value.map(toJson) : '<object>';
}
