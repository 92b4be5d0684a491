import type { Frame } from './cel/expression.ts';
import type { CompiledActionType } from './compiled-ontology.ts';
import type { JsonObject } from './json.ts';
import type { PlanSummary, ResolvedRequirement } from './plan.ts';

/**
 * Who must approve this plan. Policy alone approves where its condition holds and every ceiling that the database will ask about is kept; a condition that cannot
 * be computed does not hold.
 */
export function resolveRequirement(
  action: CompiledActionType,
  parameters: JsonObject,
  frame: Frame,
  summary: PlanSummary,
): ResolvedRequirement {
  const { policy, policyName } = action;
  const automatic = isAutomatic(action, parameters, frame, summary);
  return {
    policy: policyName,
    automatic,
    stages: automatic
      ? []
      : policy.stages.map((stage) => ({
          name: stage.name,
          thresholds: stage.thresholds.map((threshold) => ({
            name: threshold.name ?? stage.name,
            needed: threshold.needed,
            toleratedDenials: threshold.toleratedDenials ?? 0,
            reviewers: threshold.reviewers,
          })),
        })),
    distinctReviewers: policy.distinctReviewers ?? true,
    expiresAfter: policy.expiresAfter,
  };
}

function isAutomatic(action: CompiledActionType, parameters: JsonObject, frame: Frame, summary: PlanSummary): boolean {
  const ceilings = action.policy.automatic?.ceilings;
  const condition = action.compiled.automatic;
  if (!ceilings || !condition) {
    return false;
  }
  const edits = Object.values(summary.edits).reduce((sum, count) => sum + count, 0);
  const isWithin =
    edits <= (ceilings.edits ?? Number.POSITIVE_INFINITY) &&
    Object.entries(ceilings.parameters ?? {}).every(([name, ceiling]) => {
      const value = parameters[name];
      return typeof value === 'number' && Math.abs(value) <= ceiling;
    });
  if (!isWithin) {
    return false;
  }
  const objects = Object.fromEntries(Object.entries(summary.objectTypes).map(([type, count]) => [type, BigInt(count)]));
  const inner = Object.create(frame) as Frame;
  inner.plan = { edits: BigInt(edits), objects };
  try {
    return condition.compute(inner) === true;
  } catch {
    return false;
  }
}
