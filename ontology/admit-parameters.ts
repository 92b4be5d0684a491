import type { Frame } from './cel/expression.ts';
import type { CompiledParameter } from './compiled-action.ts';
import type { CompiledActionType } from './compiled-ontology.ts';
import { equalJson } from './equal-json.ts';
import type { JsonObject } from './json.ts';
import { frameAt, type LoadedParameters } from './parameter-frame.ts';
import type { Fault } from './plan.ts';
import { Refusal } from './refusal.ts';
import { normaliseValue } from './value.ts';

export interface AdmittedParameters {
  frame: Frame;
  /** What rules and functions work with. */
  values: JsonObject;
}

/**
 * Hides what is not to be seen, and asks of the rest what their definitions ask: that what is required has a value, and that constraints hold. Constraints are not
 * asked where something is missing, since they could only fail for that.
 * @throws {Refusal} with all that is wrong, so that the proposer learns of it at once.
 */
export function admitParameters(action: CompiledActionType, loaded: LoadedParameters, instant?: string): AdmittedParameters {
  const seen = instant === undefined ? loaded.frame : frameAt(loaded.frame, instant);
  const all = [...action.compiled.parameters];
  const hidden = new Set(all.filter(([, { visibleWhen }]) => visibleWhen && visibleWhen.compute(seen) !== true).map(([name]) => name));
  const frame = Object.create(seen) as Frame;
  frame.given = Object.keys(loaded.given)
    .filter((name) => !hidden.has(name))
    .sort();
  const values = Object.fromEntries(Object.entries(loaded.values).filter(([name]) => !hidden.has(name)));
  for (const [name, { variable }] of all) {
    if (hidden.has(name)) {
      frame[variable.name] = null;
    }
  }
  refuseAny(
    all.flatMap(([name, parameter]) => {
      const message = hidden.has(name)
        ? isOwnDefault(parameter, loaded.given, name) || 'must not be given here'
        : isPresent(parameter, values, name, frame) || 'is required';
      return message === true ? [] : [faultOf(name, message)];
    }),
  );
  refuseAny(
    all.flatMap(([name, { constraints }]) => {
      const isAsked = values[name] !== undefined && values[name] !== null;
      const failed = isAsked ? constraints.filter(({ condition }) => condition.compute(frame) !== true) : [];
      return failed.map(({ message }) => faultOf(name, message));
    }),
  );
  return { frame, values };
}

/** A default is filled in before anything is stored, and cannot be told from a value that was given. */
function isOwnDefault({ definition, shape }: CompiledParameter, given: JsonObject, name: string): boolean {
  if (given[name] === undefined) {
    return true;
  }
  const own = definition.default === undefined ? undefined : normaliseValue(shape, definition.default);
  return own !== undefined && 'value' in own && equalJson(own.value, given[name]);
}

/** A null that is given is as good as a value: it was said that there is none. */
function isPresent({ definition, requiredWhen }: CompiledParameter, values: JsonObject, name: string, frame: Frame): boolean {
  return values[name] !== undefined || !(definition.required || requiredWhen?.compute(frame) === true);
}

function faultOf(name: string, message: string): Fault {
  return { code: 'constraint_failed', pointer: `/parameters/${name}`, message };
}

function refuseAny(faults: Fault[]): void {
  if (faults.length > 0) {
    throw new Refusal(faults);
  }
}
