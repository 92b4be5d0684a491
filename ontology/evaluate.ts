import { admitParameters } from './admit-parameters.ts';
import { canonicalText } from './canonical-json.ts';
import { cascadeDeletes } from './cascade-deletes.ts';
import { ExpressionError } from './cel/expression.ts';
import { checkIntegrity } from './check-integrity.ts';
import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import { EditBuilder } from './edit-builder.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { judgeCriteria } from './judge-criteria.ts';
import { type LoadedParameters, loadParameters } from './parameter-frame.ts';
import type { Edit, Fault, PlanHeader, SimulationOutcome } from './plan.ts';
import { planChecks, planEffects } from './plan-effects.ts';
import { ReadRecorder } from './read-recorder.ts';
import { Refusal, refuse } from './refusal.ts';
import { resolveRequirement } from './resolve-requirement.ts';
import type { EvaluationContext, Run } from './rules/run.ts';
import { runRules } from './rules/run-rules.ts';
import type { Snapshot } from './snapshot.ts';
import { summariseChoice, summarisePlan } from './summarise-plan.ts';

export type { EvaluationContext };

/**
 * Computes the plan of an action over one snapshot, or why there is none. Pure: equal input gives equal bytes, whether for a dry run, a proposal or a check of
 * one. `parameters` are as `parseParameters` returned them.
 * @throws when the action type is unknown, and whatever the snapshot throws; never for a refusal.
 */
export async function evaluate(
  ontology: CompiledOntology,
  actionType: string,
  parameters: JsonObject,
  snapshot: Snapshot,
  context: EvaluationContext,
): Promise<SimulationOutcome> {
  const action = ontology.actionTypes.get(actionType);
  if (!action) {
    throw new Error(`the compiled ontology has no action type ${actionType}`);
  }
  const recorder = new ReadRecorder(snapshot);
  const builder = new EditBuilder(ontology, recorder);
  try {
    const loaded = await loadParameters({ ontology, action, parameters, context, recorder });
    const { frame, values } = admitParameters(action, loaded);
    const verdicts = judgeCriteria(action, frame);
    if (context.now !== undefined && action.compiled.criteriaAskTime) {
      judgeCriteria(action, admitParameters(action, loaded, context.now).frame);
    }
    const run: Run = { ontology, action, parameters: values, context, recorder, builder, functions: {}, iterations: 0 };
    await runRules(run, action.compiled.rules, [{ frame, key: '' }]);
    await cascadeDeletes(builder);
    const edits = await finishEdits(builder);
    checkLimits(action, edits);
    const effects = planEffects(action.compiled.effects, frame, ontology.document.endpoints ?? {});
    const checks = planChecks(action.compiled.checks, effects, frame, ontology.document.endpoints ?? {});
    const chosen = chosenParameters(loaded, action, values);
    const summary = { ...summarisePlan(edits, action, verdicts, ontology.objectTypes, effects, checks.length), ...summariseChoice(chosen) };
    const requirement = resolveRequirement(action, parameters, frame, summary);
    const plan = {
      header: {
        format: 1 as const,
        tenant: context.tenant,
        actionType,
        actionTypeVersion: context.actionTypeVersion,
        functions: run.functions,
        effects,
        ...(checks.length > 0 ? { checks } : {}),
        requirement,
        policies: [action.policyName],
        ...chosen,
      },
      parametersText: canonicalText(parameters),
      edits,
    };
    return { kind: 'planned', simulation: { plan, readSet: await recorder.readSet(), summary } };
  } catch (error) {
    const faults = faultsOf(error);
    if (!faults) {
      throw error;
    }
    return { kind: 'invalid', faults, readSet: await recorder.readSet() };
  }
}

/** Checks the merged edits as a whole. @throws {Refusal} with every fault found. */
export async function finishEdits(builder: EditBuilder): Promise<Edit[]> {
  if (builder.faults.length === 0) {
    await checkIntegrity(builder);
  }
  if (builder.faults.length > 0) {
    throw new Refusal(builder.faults);
  }
  return builder.finish();
}

/** @throws {Refusal} with the number. */
function checkLimits(action: CompiledActionType, edits: readonly Edit[]): void {
  const { ceilings } = action;
  if (edits.length > ceilings.edits) {
    throw refuse('limit_exceeded', `the plan has ${edits.length} edits, and ${action.name} allows ${ceilings.edits}`);
  }
  const counts = new Map<string, number>();
  for (const edit of edits) {
    if ('type' in edit) {
      counts.set(edit.type, (counts.get(edit.type) ?? 0) + 1);
    }
  }
  const perType = Object.entries(ceilings.objects).map(([name, limit]) => ({ name, types: [name], limit }));
  // First the sums: of a type that is bounded only as one of an interface, it is the interface that the author speaks of.
  for (const { name, types, limit } of [...action.compiled.interfaceLimits, ...perType]) {
    const count = types.reduce((sum, type) => sum + (counts.get(type) ?? 0), 0);
    if (count > limit) {
      throw refuse('limit_exceeded', `the plan touches ${count} objects of type ${name}, and ${action.name} allows ${limit}`);
    }
  }
}

/** What the simulation chose for the proposer, and who approves must know: what was filled in, and the members of object sets. */
function chosenParameters(
  { prefilled }: LoadedParameters,
  action: CompiledActionType,
  values: JsonObject,
): Pick<PlanHeader, 'prefilled' | 'objectSets'> {
  const filled = prefilled.filter((name) => Object.hasOwn(values, name)).map((name) => [name, values[name] as JsonValue] as const);
  const sets = [...action.compiled.parameters].flatMap(([name, { definition }]) =>
    definition.type === 'objectSet' && Array.isArray(values[name]) ? [[name, values[name] as string[]] as const] : [],
  );
  return {
    ...(filled.length > 0 ? { prefilled: Object.fromEntries(filled) } : {}),
    ...(sets.length > 0 ? { objectSets: Object.fromEntries(sets) } : {}),
  };
}

export function faultsOf(error: unknown): Fault[] | undefined {
  if (error instanceof Refusal) {
    return error.faults;
  }
  return error instanceof ExpressionError ? [{ code: 'evaluation_failed', pointer: error.pointer, message: error.message }] : undefined;
}
