import { canonicalText } from './canonical-json.ts';
import { ExpressionError } from './cel/expression.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { JsonObject } from './json.ts';
import { performAction } from './perform-action.ts';
import type { Fault, SimulationOutcome } from './plan.ts';
import { ReadRecorder } from './read-recorder.ts';
import { Refusal } from './refusal.ts';
import { resolveRequirement, whyAsked } from './resolve-requirement.ts';
import type { EvaluationContext } from './rules/run.ts';
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
  try {
    const performed = await performAction({ ontology, action, parameters, recorder, context });
    const { edits, effects, checks, chosen } = performed;
    const numbers = summarisePlan(edits, action, performed.verdicts, ontology.objectTypes, effects, checks);
    const summary = { ...numbers, ...summariseChoice(chosen) };
    const requirement = resolveRequirement(action, parameters, performed.frame, summary, context.asksPeople);
    const plan = {
      header: {
        format: 1 as const,
        tenant: context.tenant,
        actionType,
        actionTypeVersion: context.actionTypeVersion,
        functions: performed.functions,
        effects,
        ...(checks.length > 0 ? { checks } : {}),
        requirement,
        policies: [action.policyName],
        ...chosen,
      },
      parametersText: canonicalText(parameters),
      edits,
    };
    const asked = whyAsked(requirement, [{ action, frame: performed.frame }], summary);
    return { kind: 'planned', simulation: { plan, readSet: await recorder.readSet(), summary, ...asked } };
  } catch (error) {
    const faults = faultsOf(error);
    if (!faults) {
      throw error;
    }
    return { kind: 'invalid', faults, readSet: await recorder.readSet() };
  }
}

export function faultsOf(error: unknown): Fault[] | undefined {
  if (error instanceof Refusal) {
    return error.faults;
  }
  return error instanceof ExpressionError ? [{ code: 'evaluation_failed', pointer: error.pointer, message: error.message }] : undefined;
}
