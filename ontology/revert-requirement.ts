import { actionTypeIn } from './change-set.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { approvalsOf } from './derive.ts';
import type { Edit, ResolvedRequirement } from './plan.ts';
import { resolveStage } from './resolve-requirement.ts';
import { type Types, typesTouched } from './rule-context.ts';

/**
 * Who must approve a revert: those who had to approve the original, and no fewer people than the touched object types ask for now, which the database holds it to. Where
 * they ask for more since, the original policy's people are asked for that many: all of its stages where policy alone had approved, and more in the last stage, and in
 * an emergency no fewer. Its stages are asked as well, `asksPeople`, where policy alone had approved the original and would not approve it of this proposer now,
 * and once the tenant's policies have refused it.
 */
export function revertRequirement(
  resolved: ResolvedRequirement,
  actionType: string,
  original: CompiledOntology,
  types: Types,
  edits: readonly Edit[],
  asksPeople = false,
): ResolvedRequirement {
  const touched = edits.flatMap((edit) => typesTouched(types, 'link' in edit ? edit.link : edit.type));
  const least = Math.max(0, ...new Set(touched.map((type) => types.objectTypes.get(type)?.minimumApprovals ?? 0)));
  const requirement = withEmergencies(resolved, least);
  const asked = requirement.automatic ? 0 : approvalsOf(requirement);
  const policy = actionTypeIn(original, actionType)?.policy;
  const isEnough = asked >= least && !(asksPeople && requirement.automatic);
  if (isEnough || policy === undefined) return requirement;
  const raised = {
    ...requirement,
    automatic: false,
    stages: requirement.automatic ? policy.stages.map((stage) => resolveStage(stage, policy.escalate)) : requirement.stages,
  };
  const lack = least - approvalsOf(raised);
  if (lack <= 0) return raised;
  const last = raised.stages.length - 1;
  return {
    ...raised,
    stages: raised.stages.map((stage, at) =>
      at < last
        ? stage
        : {
            ...stage,
            thresholds: stage.thresholds.map((threshold) => ({
              ...threshold,
              needed: raised.distinctReviewers ? threshold.needed + lack : Math.max(threshold.needed, least),
            })),
          },
    ),
  };
}

function withEmergencies(requirement: ResolvedRequirement, least: number): ResolvedRequirement {
  const { breakGlass } = requirement;
  if (breakGlass === undefined || breakGlass.approvals >= least) return requirement;
  return { ...requirement, breakGlass: { ...breakGlass, approvals: least } };
}
