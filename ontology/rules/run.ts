import { toCel } from '../cel/cel-values.ts';
import type { Expression, Frame } from '../cel/expression.ts';
import { ObjectView, objectOf } from '../cel/object-view.ts';
import type { Variable } from '../cel/scope.ts';
import type { CompiledActionType, CompiledObjectType, CompiledOntology } from '../compiled-ontology.ts';
import type { EditBuilder } from '../edit-builder.ts';
import type { JsonObject } from '../json.ts';
import type { ObjectState } from '../object-state.ts';
import type { Principal } from '../principal.ts';
import type { ReadRecorder } from '../read-recorder.ts';
import { refuse } from '../refusal.ts';
import { typesNamed } from '../rule-context.ts';

/** What surrounds one evaluation. Values that rules write depend on these and on the snapshot, on nothing else. */
export interface EvaluationContext {
  tenant: string;
  actionTypeVersion: number;
  /** Fixed per revision, so that a re-simulation over unchanged data gives the same plan. */
  evaluatedAt: string;
  /** The present. Criteria are asked for this instant as well, so that a plan whose time has passed is not made again; nothing that is written depends on it. */
  now?: string;
  proposer: Principal;
  /** What generated ids are derived from. */
  revisionSeed: string;
  /** Whether the tenant's policies have refused to execute this: then policy alone approves it no more. */
  asksPeople?: boolean;
}

/** One evaluation under way. */
export interface Run {
  ontology: CompiledOntology;
  action: CompiledActionType;
  /** With what was filled in, without what is hidden, and object sets as lists of ids. */
  parameters: JsonObject;
  context: EvaluationContext;
  recorder: ReadRecorder;
  builder: EditBuilder;
  /** Functions that ran, by name. */
  functions: Record<string, number>;
  iterations: number;
}

/** One pass of the loops around a rule. Rules run over all passes at once, so that each kind of read is one question to the database. */
export interface Pass {
  frame: Frame;
  /** Which object or item of each surrounding loop this is; stable between simulations, so that generated ids are. */
  key: string;
}

/** Nested loops multiply. Five times the largest plan leaves room for passes that change nothing. */
const maximumIterations = 500_000;

export function countIterations(run: Run, more: number, pointer: string): void {
  run.iterations += more;
  if (run.iterations > maximumIterations) {
    throw refuse('limit_exceeded', `the rules loop more than ${maximumIterations} times`, { pointer });
  }
}

/** Shows an object to expressions, with the properties they mention, which are thereby read. */
export function viewOf(run: Pick<Run, 'ontology' | 'recorder'>, variable: Variable, state: ObjectState): ObjectView {
  const type = objectType(run, state.type);
  const view = new ObjectView(state);
  for (const property of variable.mentions) {
    const definition = type.properties.get(property);
    view[property] = definition ? toCel(definition, state.properties[property]) : null;
  }
  run.recorder.read([state], variable.mentions);
  return view;
}

export function objectType(run: Pick<Run, 'ontology'>, name: string): CompiledObjectType {
  const type = run.ontology.objectTypes.get(name);
  if (!type) {
    throw new Error(`the compiled ontology has no object type ${name}`);
  }
  return type;
}

/** The passes for which the rule is to run. */
export function admitted(when: Expression | undefined, passes: readonly Pass[]): readonly Pass[] {
  return when ? passes.filter((pass) => when.compute(pass.frame) === true) : passes;
}

/** The id that an expression for an object of this type gives. */
export function idFrom(expression: Expression, pass: Pass, type: string): string {
  const value = expression.compute(pass.frame);
  if (value instanceof ObjectView) {
    const state = objectOf(value);
    if (state.type !== type) {
      const objects = [{ type: state.type, id: state.id }];
      throw refuse('invalid_value', `${expression.text} is a ${state.type}, not a ${type}`, { pointer: expression.pointer, objects });
    }
    return state.id;
  }
  if (typeof value !== 'string') {
    throw refuse('object_missing', `${expression.text} names no object`, { pointer: expression.pointer });
  }
  return value;
}

/** The live object for each pass. One question for all that are not loaded yet. `named` may be an interface, whose objects are always loaded. */
export async function statesFrom(run: Run, named: string, expression: Expression, passes: readonly Pass[]): Promise<ObjectState[]> {
  if (run.ontology.interfaces.has(named)) {
    return passes.map((pass) => stateOfInterface(run, named, expression, pass));
  }
  const type = named;
  const ids = passes.map((pass) => idFrom(expression, pass, type));
  const missing = ids.filter((id) => !run.recorder.loaded(type, id));
  const found = missing.length > 0 ? await run.recorder.get(type, missing) : undefined;
  return ids.map((id) => {
    const state = run.recorder.loaded(type, id) ?? found?.get(id);
    if (!state) {
      throw refuse('object_missing', `there is no ${type} ${id}`, { pointer: expression.pointer, objects: [{ type, id }] });
    }
    return state;
  });
}

function stateOfInterface(run: Run, named: string, expression: Expression, pass: Pass): ObjectState {
  const value = expression.compute(pass.frame);
  const state = value instanceof ObjectView ? objectOf(value) : undefined;
  if (!state || !typesNamed(run.ontology, named).some((type) => type.name === state.type)) {
    throw refuse('object_missing', `${expression.text} is no ${named}`, { pointer: expression.pointer });
  }
  return state;
}
