import { canonicalText } from './canonical-json.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { AnyDefinition, FieldDefinition, ParameterDefinition } from './definition.ts';
import { ecmaPattern } from './ecma-pattern.ts';
import { type JsonObject, type JsonValue, pointerTo } from './json.ts';
import type { Fault } from './plan.ts';
import type { Snapshot } from './snapshot.ts';
import { collectFields } from './value.ts';

export type ParametersOutcome =
  /** `text` is the RFC 8785 text of the normalised parameters: line 2 of the plan, and what the API's hash is over. */
  { ok: true; parameters: JsonObject; text: string } | { ok: false; faults: Fault[] };

/** After this many faults nobody reads on, and a hostile list of a million items must not become a million faults. */
const maximumFaults = 50;

/** Checks parameters against their definitions and brings them to stored form: defaults filled in, times in UTC, nulls dropped. Unknown names are faults. */
export function parseParameters(ontology: CompiledOntology, actionType: string, json: unknown): ParametersOutcome {
  const action = ontology.actionTypes.get(actionType);
  if (!action) {
    return { ok: false, faults: [{ code: 'unknown_action_type', message: `there is no action type ${actionType}` }] };
  }
  const faults: Fault[] = [];
  const parameters = collectFields(action.definition.parameters, json, (steps, message, code) => {
    if (faults.length < maximumFaults) {
      faults.push({ code: code ?? 'invalid_parameters', pointer: pointerTo('/parameters', ...steps), message });
    }
  });
  if (faults.length > 0 || !parameters) {
    return { ok: false, faults };
  }
  return { ok: true, parameters, text: canonicalText(parameters) };
}

/** Finds references, also within structs, that name no live object. Asks once per object type. */
export async function checkReferences(
  ontology: CompiledOntology,
  actionType: string,
  parameters: JsonObject,
  snapshot: Pick<Snapshot, 'get'>,
): Promise<Fault[]> {
  const wanted = new Map<string, Map<string, string>>(); // Type to id to the first pointer at it.
  const want = (type: string, id: JsonValue, pointer: string) => {
    const ids = wanted.get(type) ?? new Map<string, string>();
    wanted.set(type, ids);
    if (!ids.has(id as string)) {
      ids.set(id as string, pointer);
    }
  };
  collectReferences(ontology.actionTypes.get(actionType)?.definition.parameters ?? {}, parameters, '/parameters', want);
  const faults: Fault[] = [];
  for (const [type, ids] of wanted) {
    const found = await snapshot.get(type, [...ids.keys()]);
    for (const [id, pointer] of ids) {
      if (!found.has(id) && faults.length < maximumFaults) {
        faults.push({ code: 'unknown_reference', pointer, message: `there is no ${type} ${id}`, objects: [{ type, id }] });
      }
    }
  }
  return faults;
}

function collectReferences(
  definitions: Record<string, FieldDefinition>,
  fields: JsonObject,
  pointer: string,
  want: (type: string, id: JsonValue, pointer: string) => void,
): void {
  for (const [name, definition] of Object.entries(definitions)) {
    const value = fields[name];
    if (value !== undefined && value !== null && holdsReferences(definition)) {
      collectFrom(definition, value, pointerTo(pointer, name), want);
    }
  }
}

function collectFrom(
  definition: AnyDefinition,
  value: JsonValue,
  pointer: string,
  want: (type: string, id: JsonValue, pointer: string) => void,
): void {
  switch (definition.type) {
    case 'reference':
      want(definition.to, value, pointer);
      return;
    case 'struct':
      collectReferences(definition.properties, value as JsonObject, pointer, want);
      return;
    case 'array':
      for (const [index, item] of (value as JsonValue[]).entries()) {
        collectFrom(definition.items, item, pointerTo(pointer, index), want);
      }
      return;
    default:
  }
}

/** Long lists without references are not walked. */
function holdsReferences(definition: AnyDefinition): boolean {
  switch (definition.type) {
    case 'array':
      return holdsReferences(definition.items);
    case 'struct':
      return Object.values(definition.properties).some(holdsReferences);
    default:
      return definition.type === 'reference';
  }
}

/** JSON Schema (2020-12) of an action type's parameters, for clients that build forms or let a model fill them in. */
export function parametersSchema(parameters: Record<string, ParameterDefinition>): JsonObject {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...objectSchema(parameters) };
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

function words(field: FieldDefinition & { sensitive?: boolean }): JsonObject {
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
