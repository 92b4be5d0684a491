import type { AnyDefinition, FieldDefinition, OntologyDocument, ParameterDefinition } from './definition.ts';
import { ecmaPattern } from './ecma-pattern.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { referredType, shapeOf } from './parameter-shape.ts';

/** JSON Schema (2020-12) of an action type's parameters, for clients that build forms or let a model fill them in. */
export function parametersSchema(document: OntologyDocument, parameters: Record<string, ParameterDefinition>): JsonObject {
  const all = Object.entries(parameters);
  const required = all.flatMap(([name, definition]) => (isAlwaysRequired(definition) && definition.default === undefined ? [name] : []));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: Object.fromEntries(all.map(([name, definition]) => [name, parameterSchema(document, definition)])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}

/** Whether it must be given whatever the others are. What may be filled in, or be absent, is for the simulation to ask. */
export function isAlwaysRequired(definition: ParameterDefinition): boolean {
  return definition.required === true && definition.prefill === undefined && definition.visibleWhen === undefined;
}

function parameterSchema(document: OntologyDocument, definition: ParameterDefinition): JsonObject {
  const shape = shapeOf(document, definition);
  const schema = valueSchema(shape);
  const target = shape === definition ? undefined : referredType(definition);
  const told: JsonObject = target === undefined ? {} : { [definition.type === 'objectSet' ? 'x-object-set-of' : 'x-reference-to']: target };
  return { ...(definition.nullable ? orNull(schema) : schema), ...told, ...words(definition) };
}

function orNull(schema: JsonObject): JsonObject {
  const { type, enum: values } = schema;
  return { ...schema, type: [type as JsonValue, 'null'], ...(Array.isArray(values) ? { enum: [...values, null] } : {}) };
}

function objectSchema(fields: Record<string, FieldDefinition>): JsonObject {
  const required = Object.entries(fields).flatMap(([name, field]) => (field.required && field.default === undefined ? [name] : []));
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, { ...valueSchema(field), ...words(field) }])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}

function words(field: Pick<ParameterDefinition, 'title' | 'description' | 'default' | 'sensitive'>): JsonObject {
  const said = (['title', 'description', 'default'] as const).flatMap((name) =>
    field[name] === undefined ? [] : [[name, field[name] as JsonValue] as const],
  );
  return { ...Object.fromEntries(said), ...(field.sensitive ? { 'x-sensitive': true } : {}) };
}

function valueSchema(definition: AnyDefinition): JsonObject {
  const keep = (...names: string[]): JsonObject =>
    Object.fromEntries(
      names.flatMap((name) => (name in definition ? [[name, (definition as unknown as JsonObject)[name] as JsonValue]] : [])),
    );
  switch (definition.type) {
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return {
        type: 'integer',
        minimum: Number.MIN_SAFE_INTEGER,
        maximum: Number.MAX_SAFE_INTEGER,
        ...keep('minimum', 'maximum'),
        ...choice(definition),
      };
    case 'double':
      return { type: 'number', ...keep('minimum', 'maximum'), ...choice(definition) };
    case 'long':
      return { type: 'string', pattern: '^(0|-?[1-9][0-9]{0,18})$', ...rangeWords(definition), ...choice(definition) };
    case 'decimal': // Other forms of an allowed number are allowed too, so there is no enum.
      return { type: 'string', pattern: '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$', ...rangeWords(definition) };
    case 'string':
      return {
        type: 'string',
        ...keep('minLength', 'maxLength'),
        ...choice(definition),
        ...(definition.pattern === undefined ? {} : patternWords(definition.pattern)),
      };
    case 'date':
      return { type: 'string', format: 'date', ...rangeWords(definition) };
    case 'timestamp':
      return { type: 'string', format: 'date-time', ...rangeWords(definition) };
    case 'geopoint':
      return {
        type: 'object',
        properties: { latitude: { type: 'number', minimum: -90, maximum: 90 }, longitude: { type: 'number', minimum: -180, maximum: 180 } },
        required: ['latitude', 'longitude'],
        additionalProperties: false,
      };
    case 'enum':
      return { type: 'string', enum: definition.values };
    case 'reference':
      return { type: 'string', minLength: 1, maxLength: 200, 'x-reference-to': definition.to };
    case 'array':
      return {
        type: 'array',
        items: valueSchema(definition.items),
        ...keep('minItems', 'maxItems'),
        ...(definition.distinct ? { uniqueItems: true } : {}),
      };
    case 'struct':
      return objectSchema(definition.properties);
  }
}

function choice(definition: { oneOf?: (string | number)[] }): JsonObject {
  return definition.oneOf ? { enum: definition.oneOf } : {};
}

/** A pattern that JSON Schema's syntax cannot say is told in an extension, in RE2's. */
function patternWords(pattern: string): JsonObject {
  const ecma = ecmaPattern(pattern);
  return ecma === undefined ? { 'x-pattern': pattern } : { pattern: ecma };
}

/** JSON Schema cannot bound numbers that are written as text, so the bounds are told in extensions. */
function rangeWords(definition: { minimum?: string; maximum?: string }): JsonObject {
  return {
    ...(definition.minimum === undefined ? {} : { 'x-minimum': definition.minimum }),
    ...(definition.maximum === undefined ? {} : { 'x-maximum': definition.maximum }),
  };
}
