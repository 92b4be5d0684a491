import { Duration } from '@marcbachmann/cel-js/evaluator';
import { Decimal } from '../decimal.ts';
import type { AnyDefinition, StructDefinition } from '../definition.ts';
import { Instant, instantText, readInstant } from '../instant.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { Geopoint } from './geopoint.ts';
import { ObjectView } from './object-view.ts';

/** A stored value as expressions see it; absent is null. */
export function toCel(definition: AnyDefinition, json: JsonValue | undefined): unknown {
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
      return readInstant(json as string) ?? null;
    case 'geopoint': {
      const { latitude, longitude } = json as { latitude: number; longitude: number };
      return new Geopoint(latitude, longitude);
    }
    case 'struct':
      return structToCel(definition, json as JsonObject);
    case 'array':
      return needsConversion(definition.items) ? (json as JsonValue[]).map((item) => toCel(definition.items, item)) : json;
    default:
      return json;
  }
}

/** Absent fields are null, so that selecting one is no error. */
function structToCel(definition: StructDefinition, json: JsonObject): Record<string, unknown> {
  const fields = Object.entries(definition.properties);
  return Object.fromEntries(fields.map(([name, field]) => [name, toCel(field, json[name])]));
}

function needsConversion({ type }: AnyDefinition): boolean {
  return type === 'integer' || type === 'long' || type === 'decimal' || type === 'timestamp' || type === 'geopoint' || type === 'struct';
}

/** An expression's value in the form a stored value of this definition has, not yet checked against it. Undefined means absent. */
export function fromCel(definition: AnyDefinition, value: unknown): JsonValue | undefined {
  if (value === null || value === undefined) {
    return undefined;
  }
  if (definition.type === 'array') {
    const items = Array.isArray(value) ? value : value instanceof Set ? [...value] : undefined;
    return items ? items.map((item) => fromCel(definition.items, item) ?? null) : toJson(value);
  }
  if (definition.type === 'struct') {
    return structFromCel(definition, value);
  }
  if (definition.type === 'long' || definition.type === 'decimal') {
    return typeof value === 'bigint' ? value.toString() : toJson(value);
  }
  if (definition.type === 'date' && (value instanceof Date || value instanceof Instant)) {
    return instantText(value).slice(0, 10);
  }
  return toJson(value);
}

/** Fields that the definition does not know are kept, to be refused by name. */
function structFromCel(definition: StructDefinition, value: unknown): JsonValue {
  const given = value instanceof Map ? Object.fromEntries(value) : value;
  if (typeof given !== 'object' || given === null || Object.getPrototypeOf(given) !== Object.prototype) {
    return toJson(value);
  }
  const fields: JsonObject = {};
  for (const [name, inner] of Object.entries(given)) {
    const field = Object.hasOwn(definition.properties, name) ? definition.properties[name] : undefined;
    const json = field ? fromCel(field, inner) : toJson(inner);
    if (json !== undefined) {
      fields[name] = json;
    }
  }
  return fields;
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
  if (value instanceof Date || value instanceof Instant) {
    return instantText(value);
  }
  if (value instanceof Decimal || value instanceof Duration) {
    return value.toString();
  }
  if (value instanceof Geopoint) {
    return value.toJson();
  }
  if (value instanceof ObjectView) {
    return value.id as string;
  }
  return Array.isArray(value) ? value.map(toJson) : '<object>';
}
