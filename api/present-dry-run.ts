import type { ProblemCode } from '../ontology/problems.ts';
import { isRefusal, type Refusal } from '../store/refusal.ts';
import type { DryRun } from '../store/simulate-action.ts';
import { type ApiContext, answered } from './api-context.ts';
import type { AuthenticatedCaller } from './authenticate.ts';
import type { Answer } from './route.ts';

/** What a dry run may be refused for, beside that there is no such action. */
export const dryRunProblems = [
  'proposer_not_allowed',
  'invalid_parameters',
  'unknown_reference',
  'constraint_failed',
  'criteria_failed',
  'conflicting_rules',
  'conflicting_edits',
  'limit_exceeded',
  'evaluation_failed',
  'invalid_value',
  'object_exists',
  'object_missing',
  'still_referenced',
  'not_unique',
  'outside_surface',
  'function_failed',
] as const satisfies readonly ProblemCode[];

/** The plan that an action would have, or why it would have none, as the caller sees it. */
export async function presentDryRun(
  plan: DryRun | Refusal,
  actionType: string,
  caller: AuthenticatedCaller,
  context: ApiContext,
): Promise<Answer | Refusal> {
  const shown = await context.showAs(caller, (mask) =>
    isRefusal(plan)
      ? { ...plan, faults: (plan.faults ?? []).map((fault) => mask.fault(actionType, fault)) }
      : {
          ...plan,
          planSummary: mask.summary(plan.actionType.name, plan.planSummary),
          effects: plan.effects.map((effect) => mask.effect(plan.actionType.name, effect)),
          checks: plan.checks.map((check) => mask.check(plan.actionType.name, check)),
          edits: plan.edits.map((edit) => mask.edit(edit)),
        },
  );
  return answered(shown, (body) => ({ status: 200, body }));
}
