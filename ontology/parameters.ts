import { canonicalText } from './canonical-json.ts';
import { compileSetFilter } from './compile-set-filter.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { AnyDefinition, FieldDefinition, ParameterDefinition } from './definition.ts';
import { type JsonObject, type JsonValue, pointerTo } from './json.ts';
import { isAlwaysRequired } from './parameters-schema.ts';
import type { Fault } from './plan.ts';
import type { Snapshot } from './snapshot.ts';
import { collectFields, type Refuse } from './value.ts';

export type ParametersOutcome =
  /** `text` is the RFC 8785 text of the normalised parameters: line 2 of the plan, and what the API's hash is over. */
  { ok: true; parameters: JsonObject; text: string } | { ok: false; faults: Fault[] };

/** After this many faults nobody reads on, and a hostile list of a million items must not become a million faults. */
const maximumFaults = 50;

/**
 * Checks parameters against their definitions and brings them to stored form: defaults filled in, times in UTC, nulls dropped but those that a parameter may be.
 * Unknown names are faults. What depends on other parameters or on objects is asked by the simulation.
 */
export function parseParameters(ontology: CompiledOntology, actionType: string, json: unknown): ParametersOutcome {
  const action = ontology.actionTypes.get(actionType);
  if (!action) {
    return { ok: false, faults: [{ code: 'unknown_action_type', message: `there is no action type ${actionType}` }] };
  }
  const faults: Fault[] = [];
  const refuse: Refuse = (steps, message, code) => {
    if (faults.length < maximumFaults) {
      faults.push({ code: code ?? 'invalid_parameters', pointer: pointerTo('/parameters', ...steps), message });
    }
  };
  const { rest, nulls } = takeNulls(action.definition.parameters, json);
  const shapes = Object.fromEntries(
    [...action.compiled.parameters].flatMap(([name, { definition, shape }]) =>
      nulls.includes(name) ? [] : [[name, { ...shape, required: isAlwaysRequired(definition), default: definition.default }]],
    ),
  ) as Record<string, FieldDefinition>;
  const parameters = collectFields(shapes, rest, refuse);
  checkFilters(ontology, action.definition.parameters, parameters ?? {}, refuse);
  if (faults.length > 0 || !parameters) {
    return { ok: false, faults };
  }
  for (const name of nulls) {
    parameters[name] = null;
  }
  return { ok: true, parameters, text: canonicalText(parameters) };
}

/** Sets aside the nulls that are given where null is a value of its own. */
function takeNulls(definitions: Record<string, ParameterDefinition>, json: unknown): { rest: unknown; nulls: string[] } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return { rest: json, nulls: [] };
  }
  const isNull = (name: string, value: unknown) =>
    value === null && Object.hasOwn(definitions, name) && definitions[name]?.nullable === true;
  const nulls = Object.entries(json).flatMap(([name, value]) => (isNull(name, value) ? [name] : []));
  return { rest: Object.fromEntries(Object.entries(json).filter(([name]) => !nulls.includes(name))), nulls };
}

function checkFilters(
  ontology: CompiledOntology,
  definitions: Record<string, ParameterDefinition>,
  parameters: JsonObject,
  refuse: Refuse,
): void {
  for (const [name, definition] of Object.entries(definitions)) {
    const filter = definition.type === 'objectSet' ? (parameters[name] as JsonObject | undefined)?.filter : undefined;
    if (definition.type === 'objectSet' && typeof filter === 'string') {
      const outcome = compileSetFilter(ontology, definition.of, filter);
      for (const message of 'refused' in outcome ? outcome.refused : []) {
        refuse([name, 'filter'], message);
      }
    }
  }
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
  definitions: Record<string, FieldDefinition | ParameterDefinition>,
  fields: JsonObject,
  pointer: string,
  want: (type: string, id: JsonValue, pointer: string) => void,
): void {
  for (const [name, definition] of Object.entries(definitions)) {
    const value = fields[name];
    if (value !== undefined && value !== null && definition.type !== 'objectSet' && holdsReferences(definition)) {
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
      if (typeof value === 'object' && value !== null) {
        const { type, id } = value as { type: string; id: string }; // Of an interface.
        want(type, id, pointer);
      } else {
        want(definition.to, value, pointer);
      }
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
