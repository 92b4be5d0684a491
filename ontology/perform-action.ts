import { admitParameters } from './admit-parameters.ts';
import { cascadeDeletes } from './cascade-deletes.ts';
import type { Frame } from './cel/expression.ts';
import { checkIntegrity } from './check-integrity.ts';
import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import { EditBuilder } from './edit-builder.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { judgeCriteria } from './judge-criteria.ts';
import { type LoadedParameters, loadParameters } from './parameter-frame.ts';
import type { Edit, PlanHeader, Verdict } from './plan.ts';
import { planChecks, planEffects } from './plan-effects.ts';
import type { PlannedCheck, PlannedEffect } from './planned-effect.ts';
import { pointAtParameters } from './point-at-parameters.ts';
import type { ReadRecorder } from './read-recorder.ts';
import { Refusal, refuse } from './refusal.ts';
import type { EvaluationContext, Run } from './rules/run.ts';
import { runRules } from './rules/run-rules.ts';
import { bindSlots } from './slots-in-edits.ts';

export interface ActionRequest {
  ontology: CompiledOntology;
  action: CompiledActionType;
  /** As `parseParameters` returned them. */
  parameters: JsonObject;
  recorder: ReadRecorder;
  context: EvaluationContext;
}

/** What one action does, before anybody is asked. */
export interface PerformedAction {
  action: CompiledActionType;
  parameters: JsonObject;
  /** The variables that the conditions of its policy see. */
  frame: Frame;
  edits: Edit[];
  effects: PlannedEffect[];
  checks: PlannedCheck[];
  verdicts: Verdict[];
  chosen: Pick<PlanHeader, 'prefilled' | 'objectSets'>;
  /** Functions that ran, by name. */
  functions: Record<string, number>;
}

/** Asks its criteria and runs its rules over what the recorder reads. @throws {Refusal} */
export async function performAction({ ontology, action, parameters, recorder, context }: ActionRequest): Promise<PerformedAction> {
  const builder = new EditBuilder(ontology, recorder);
  const loaded = await loadParameters({ ontology, action, parameters, context, recorder });
  const { frame, values } = admitParameters(action, loaded);
  const verdicts = judgeCriteria(action, frame);
  if (context.now !== undefined && action.compiled.criteriaAskTime) {
    judgeCriteria(action, admitParameters(action, loaded, context.now).frame);
  }
  const run: Run = { ontology, action, parameters: values, context, recorder, builder, functions: {}, iterations: 0 };
  await runRules(run, action.compiled.rules, [{ frame, key: '' }]);
  await cascadeDeletes(builder);
  const edits = await finishEdits(builder).catch((error: unknown) => {
    throw pointAtParameters(error, parameters, builder);
  });
  checkLimits(action, edits);
  const endpoints = ontology.document.endpoints ?? {};
  const effects = bindSlots(edits, planEffects(action.compiled.effects, frame, endpoints));
  const checks = planChecks(action.compiled.checks, effects, frame, endpoints);
  const chosen = chosenParameters(loaded, action, values);
  return { action, parameters, frame, edits, effects, checks, verdicts, chosen, functions: run.functions };
}

/** Checks the merged edits as a whole. @throws {Refusal} with every fault found. */
export async function finishEdits(builder: EditBuilder): Promise<Edit[]> {
  if (builder.faults.length === 0 || builder.namesAll) {
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
