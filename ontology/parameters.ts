import { canonicalText } from './canonical-json.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { ArrayDefinition, ParameterDefinition, PropertyDefinition, StructDefinition, ValueDefinition } from './definition.ts';
import { ecmaPattern } from './ecma-pattern.ts';
import { type JsonObject, type JsonValue, pointerTo } from './json.ts';
import type { Fault } from './plan.ts';
import type { Snapshot } from './snapshot.ts';
import { normaliseScalar } from './value.ts';

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
  const parameters = normaliseFields(action.definition.parameters, json, '/parameters', faults);
  if (faults.length > 0 || !parameters) {
    return { ok: false, faults: faults.slice(0, maximumFaults) };
  }
  return { ok: true, parameters, text: canonicalText(parameters) };
}

function normaliseFields(
  definitions: Record<string, ParameterDefinition | PropertyDefinition>,
  json: unknown,
  pointer: string,
  faults: Fault[],
): JsonObject | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    faults.push({ code: 'invalid_parameters', pointer, message: 'must be an object' });
    return undefined;
  }
  const given = json as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(definitions, name) && faults.length < maximumFaults) {
      faults.push({ code: 'unknown_field', pointer: pointerTo(pointer, name), message: `${name} is not known here` });
    }
  }
  const fields: JsonObject = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const value = (Object.hasOwn(given, name) ? given[name] : undefined) ?? definition.default;
    if (value === undefined || value === null) {
      if (definition.required && faults.length < maximumFaults) {
        faults.push({ code: 'invalid_parameters', pointer: pointerTo(pointer, name), message: 'is required' });
      }
      continue;
    }
    const normalised = normaliseParameter(definition, value, pointerTo(pointer, name), faults);
    if (normalised !== undefined) {
      fields[name] = normalised;
    }
  }
  return fields;
}

function normaliseParameter(
  definition: ParameterDefinition | PropertyDefinition,
  json: unknown,
  pointer: string,
  faults: Fault[],
): JsonValue | undefined {
  const refuse = (at: string, message: string): undefined => {
    if (faults.length < maximumFaults) {
      faults.push({ code: 'invalid_parameters', pointer: at, message });
    }
  };
  if (definition.type !== 'array') {
    const outcome = normaliseScalar(definition, json);
    return 'refused' in outcome ? refuse(pointer, outcome.refused) : outcome.value;
  }
  if (!Array.isArray(json)) {
    return refuse(pointer, 'must be a list');
  }
  if (definition.maxItems !== undefined && json.length > definition.maxItems) {
    return refuse(pointer, `must have at most ${definition.maxItems} items`);
  }
  const minItems = 'minItems' in definition ? definition.minItems : undefined;
  if (minItems !== undefined && json.length < minItems) {
    return refuse(pointer, `must have at least ${minItems} items`);
  }
  const items: JsonValue[] = [];
  for (const [at, item] of json.entries()) {
    const { items: of } = definition;
    if (of.type === 'struct') {
      const fields = normaliseFields(of.properties, item, pointerTo(pointer, at), faults);
      items.push(fields ?? {});
      continue;
    }
    const outcome = normaliseScalar(of, item);
    items.push('refused' in outcome ? (refuse(pointerTo(pointer, at), outcome.refused) ?? null) : outcome.value);
  }
  return items;
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
  definitions: Record<string, ParameterDefinition | PropertyDefinition>,
  fields: JsonObject,
  pointer: string,
  want: (type: string, id: JsonValue, pointer: string) => void,
): void {
  for (const [name, definition] of Object.entries(definitions)) {
    const value = fields[name];
    if (value === undefined) {
      continue;
    }
    const at = pointerTo(pointer, name);
    if (definition.type === 'reference') {
      want(definition.to, value, at);
    } else if (definition.type === 'array' && definition.items.type === 'reference') {
      const { to } = definition.items;
      for (const [index, id] of (value as JsonValue[]).entries()) {
        want(to, id, pointerTo(at, index));
      }
    } else if (definition.type === 'array' && definition.items.type === 'struct') {
      const { properties } = definition.items;
      if (!Object.values(properties).some((property) => (property.type === 'array' ? property.items : property).type === 'reference')) {
        continue;
      }
      for (const [index, item] of (value as JsonObject[]).entries()) {
        collectReferences(properties, item, pointerTo(at, index), want);
      }
    }
  }
}

/** JSON Schema (2020-12) of an action type's parameters, for clients that build forms or let a model fill them in. */
export function parametersSchema(parameters: Record<string, ParameterDefinition>): JsonObject {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...objectSchema(parameters) };
}

function objectSchema(fields: Record<string, ParameterDefinition | PropertyDefinition>): JsonObject {
  const required = Object.entries(fields).flatMap(([name, field]) => (field.required && field.default === undefined ? [name] : []));
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, { ...valueSchema(field), ...words(field) }])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}

function words(field: ParameterDefinition | PropertyDefinition): JsonObject {
  return Object.fromEntries(
    (['title', 'description', 'default'] as const).flatMap((name) => (field[name] === undefined ? [] : [[name, field[name] as JsonValue]])),
  );
}

function valueSchema(
  definition: ParameterDefinition | PropertyDefinition | ValueDefinition | ArrayDefinition | StructDefinition,
): JsonObject {
  const keep = (...names: string[]): JsonObject =>
    Object.fromEntries(
      names.flatMap((name) => (name in definition ? [[name, (definition as unknown as JsonObject)[name] as JsonValue]] : [])),
    );
  switch (definition.type) {
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, ...keep('minimum', 'maximum') };
    case 'double':
      return { type: 'number', ...keep('minimum', 'maximum') };
    case 'long':
      return { type: 'string', pattern: '^(0|-?[1-9][0-9]{0,18})$', ...rangeWords(definition) };
    case 'decimal':
      return { type: 'string', pattern: '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$', ...rangeWords(definition) };
    case 'string':
      return {
        type: 'string',
        ...keep('minLength', 'maxLength'),
        ...(definition.oneOf ? { enum: definition.oneOf } : {}),
        ...(definition.pattern === undefined ? {} : patternWords(definition.pattern)),
      };
    case 'date':
      return { type: 'string', format: 'date' };
    case 'timestamp':
      return { type: 'string', format: 'date-time' };
    case 'enum':
      return { type: 'string', enum: definition.values };
    case 'reference':
      return { type: 'string', minLength: 1, maxLength: 200, 'x-reference-to': definition.to };
    case 'array':
      return { type: 'array', items: valueSchema(definition.items), ...keep('minItems', 'maxItems') };
    case 'struct':
      return objectSchema(definition.properties);
  }
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
