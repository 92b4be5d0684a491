import { Budget } from './cel/budget.ts';
import { fromCel, toCel } from './cel/cel-values.ts';
import { budgetOf, type Expression, ExpressionError, type Frame } from './cel/expression.ts';
import { ObjectView, objectOf } from './cel/object-view.ts';
import { compileSetFilter } from './compile-set-filter.ts';
import type { CompiledParameter } from './compiled-action.ts';
import type { AnyDefinition } from './definition.ts';
import { maximumEdits } from './definition-schema.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { ObjectState } from './object-state.ts';
import type { Fault } from './plan.ts';
import { Refusal, refuse } from './refusal.ts';
import { type EvaluationContext, type Run, viewOf } from './rules/run.ts';
import { normaliseValue } from './value.ts';

/** What of an evaluation parameters are read with; `parameters` as they were stored. */
export type FrameRun = Pick<Run, 'ontology' | 'action' | 'parameters' | 'recorder'> & {
  context: Pick<EvaluationContext, 'proposer' | 'evaluatedAt'>;
};

/** Parameters with values for all that is given or can be filled in, before it is asked whether they are as they must be. */
export interface LoadedParameters {
  /** As they were stored. */
  given: JsonObject;
  /** With what was filled in, and object sets as lists of ids. */
  values: JsonObject;
  /** Names of what was filled in. */
  prefilled: string[];
  /** The variables that every expression of the action sees. */
  frame: Frame;
}

/** Referenced objects and members of sets are loaded, and thereby read. @throws {Refusal} */
export async function loadParameters(run: FrameRun): Promise<LoadedParameters> {
  const { proposer, evaluatedAt } = run.context;
  const frame = Object.create(null) as Frame;
  frame[budgetOf] = new Budget();
  frame.proposer = { id: proposer.id, kind: proposer.kind, roles: [...proposer.roles] };
  frame.evaluatedAt = new Date(evaluatedAt);
  frame.given = Object.keys(run.parameters).sort();
  const loaded: LoadedParameters = { given: run.parameters, values: {}, prefilled: [], frame };
  for (const [name, { variable }] of run.action.compiled.parameters) {
    frame[variable.name] = null;
    const value = run.parameters[name];
    if (value !== undefined) {
      await bind(run, loaded, name, value);
    }
  }
  const prefills = prefill(run, loaded);
  for (const [name, value] of prefills) {
    loaded.prefilled.push(name);
    await bind(run, loaded, name, value);
  }
  return loaded;
}

/** The same values at another instant. */
export function frameAt(frame: Frame, instant: string): Frame {
  const later = Object.create(frame) as Frame;
  later.evaluatedAt = new Date(instant);
  return later;
}

/** All that is filled in is computed before any of it is in the frame: none sees another. */
function prefill(run: FrameRun, { given, frame }: LoadedParameters): [string, JsonValue][] {
  const faults: Fault[] = [];
  const filled: [string, JsonValue][] = [];
  for (const [name, parameter] of run.action.compiled.parameters) {
    if (!parameter.prefill || Object.hasOwn(given, name)) {
      continue;
    }
    const json = storedForm(parameter, computePrefill(run, name, parameter.prefill, frame));
    const outcome = json === undefined ? undefined : normaliseValue(parameter.shape, json);
    if (outcome && 'refused' in outcome) {
      const message = 'what it is filled in with does not fit; give another'; // Not in what way: it may come from what the proposer cannot see.
      faults.push({ code: 'constraint_failed', pointer: `/parameters/${name}`, message });
    } else if (outcome) {
      filled.push([name, outcome.value]);
    }
  }
  if (faults.length > 0) {
    throw new Refusal(faults);
  }
  return filled;
}

/** @throws {Refusal} that says which parameter could not be filled in, and of which objects what is absent. */
function computePrefill({ action }: FrameRun, name: string, prefill: Expression, frame: Frame): unknown {
  try {
    return prefill.compute(frame);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const objects = error.absent.flatMap(({ variable, property }) => {
      const parameter = action.compiled.parameters.get(variable);
      const view = parameter && !parameter.definition.sensitive ? frame[parameter.variable.name] : undefined;
      return view instanceof ObjectView && property !== undefined ? [{ type: objectOf(view).type, id: objectOf(view).id, property }] : [];
    });
    const named = objects.map(({ type, id, property }) => `; ${type} ${id} has no ${property}`).join('');
    const fault = {
      code: 'evaluation_failed' as const,
      pointer: error.pointer,
      message: `${name} cannot be filled in: ${error.message}${named}`,
    };
    throw new Refusal([objects.length > 0 ? { ...fault, objects } : fault]);
  }
}

/** Objects where the shape says the type beside the id, as of interfaces; else as any value is stored. */
function storedForm({ definition, shape }: CompiledParameter, value: unknown): JsonValue | undefined {
  const named = (item: unknown) =>
    item instanceof ObjectView ? { type: objectOf(item).type, id: objectOf(item).id } : fromCel({ type: 'string' }, item);
  if (shape === definition) {
    return fromCel(shape, value);
  }
  return Array.isArray(value) ? value.map((item) => named(item) ?? null) : named(value);
}

async function bind(run: FrameRun, loaded: LoadedParameters, name: string, value: JsonValue): Promise<void> {
  const { variable, definition } = run.action.compiled.parameters.get(name) as CompiledParameter;
  const { frame, values } = loaded;
  values[name] = value;
  if (value === null) {
    return;
  }
  if (definition.type === 'objectSet') {
    const members = await selectMembers(run, name, definition, value);
    values[name] = members.map((state) => state.id);
    frame[variable.name] = variable.isUsed ? members.map((state) => viewOf(run, variable, state)) : null;
  } else if (definition.type === 'reference') {
    const [state] = await loadReferences(run, name, definition, [value]);
    frame[variable.name] = viewOf(run, variable, state as ObjectState);
  } else if (definition.type !== 'array') {
    frame[variable.name] = toCel(definition, value);
  } else if (definition.items.type === 'reference') {
    const states = await loadReferences(run, name, definition.items, value as JsonValue[]);
    frame[variable.name] = variable.isUsed ? states.map((state) => viewOf(run, variable, state)) : null;
  } else if (variable.isUsed) {
    const { items } = definition;
    frame[variable.name] = (value as JsonValue[]).map((item) => toCel(items, item));
  }
}

/** Counting reads each object; this many are counted within some seconds, and whoever selects more is told so. */
const countedAtMost = 1_000_000;

async function selectMembers(run: FrameRun, name: string, { of, maxItems }: { of: string; maxItems?: number }, value: JsonValue) {
  const { filter } = value as { filter: string };
  const pointer = `/parameters/${name}`;
  const outcome = compileSetFilter(run.ontology, of, filter);
  if ('refused' in outcome) {
    throw new Refusal(outcome.refused.map((message) => ({ code: 'invalid_parameters', pointer: `${pointer}/filter`, message })));
  }
  const limit = Math.min(maxItems ?? maximumEdits, maximumEdits);
  const members = await run.recorder.query(of, outcome.condition, limit); // A filter is anybody's, and may select all there is.
  if (members.length > limit) {
    const counted = await run.recorder.count(of, outcome.condition, countedAtMost);
    const count = counted > countedAtMost ? `more than ${countedAtMost}` : counted;
    throw refuse('limit_exceeded', `the filter selects ${count} objects of type ${of}, and ${name} may hold ${limit}`, { pointer });
  }
  return members;
}

/** Type and id of each object that a list of stored references leads to. */
export function referencesIn(definition: AnyDefinition, values: readonly JsonValue[]): { type: string; id: string }[] {
  const to = definition.type === 'reference' ? definition.to : '';
  return values.map((value) => (typeof value === 'string' ? { type: to, id: value } : (value as { type: string; id: string })));
}

/** One question for each type. */
async function loadReferences(run: FrameRun, parameter: string, definition: AnyDefinition, values: readonly JsonValue[]) {
  const references = referencesIn(definition, values);
  for (const type of new Set(references.map((reference) => reference.type))) {
    const ids = references.filter((reference) => reference.type === type).map(({ id }) => id);
    const found = await run.recorder.get(type, ids);
    const missing = ids.find((id) => !found.has(id));
    if (missing !== undefined) {
      const objects = [{ type, id: missing }];
      throw refuse('unknown_reference', `there is no ${type} ${missing}`, { pointer: `/parameters/${parameter}`, objects });
    }
  }
  return references.map(({ type, id }) => run.recorder.loaded(type, id) as ObjectState);
}
