import type { CompiledActionType } from './compiled-ontology.ts';
import type { Edit, PlanSummary, Verdict } from './plan.ts';

/** What a plan amounts to, for people who decide on it. */
export function summarisePlan(edits: readonly Edit[], action: CompiledActionType, verdicts: Verdict[]): PlanSummary {
  const counts = { create: 0, modify: 0, delete: 0, link: 0, unlink: 0 };
  const objectTypes: Record<string, number> = {};
  for (const edit of edits) {
    counts[edit.op]++;
    if ('type' in edit) {
      objectTypes[edit.type] = (objectTypes[edit.type] ?? 0) + 1;
    }
  }
  return { edits: counts, objectTypes, effects: 0, riskTier: action.riskTier, revertible: action.reversible, verdicts };
}
