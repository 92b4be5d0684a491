import type { ResolvedRequirement, ResolvedThreshold } from './plan.ts';

/**
 * The requirement as it is asked now. Once it has escalated, each stage also takes those whom its policy adds then: as many approvals of as many people as before, of
 * whom more may give them. What is added stands in the plan, and under its digest, from the beginning.
 */
export function requirementInForce(requirement: ResolvedRequirement): ResolvedRequirement {
  if (requirement.escalated !== true || requirement.stages.every((stage) => stage.afterEscalation === undefined)) return requirement;
  return {
    ...requirement,
    stages: requirement.stages.map((stage) => ({
      ...stage,
      thresholds: stage.thresholds.map((one) => widened(one, stage.afterEscalation)),
    })),
  };
}

function widened(threshold: ResolvedThreshold, added: string | undefined): ResolvedThreshold {
  // Each was accepted by itself; the line breaks end a comment that either may close with.
  return added === undefined ? threshold : { ...threshold, reviewers: `(${threshold.reviewers}\n) || (${added}\n)` };
}
