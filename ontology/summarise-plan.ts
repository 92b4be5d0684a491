import type { CompiledActionType } from './compiled-ontology.ts';
import type { Edit, PlanHeader, PlanSummary, Verdict } from './plan.ts';

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

/** A reader sees at a glance what a set is about; the whole of it is in the plan's header. */
const shownMembers = 100;

/** What the simulation chose. Sensitive values are for the plan alone. */
export function summariseChoice(
  action: CompiledActionType,
  { prefilled, objectSets }: Pick<PlanHeader, 'prefilled' | 'objectSets'>,
): Pick<PlanSummary, 'prefilled' | 'objectSets'> {
  const isShown = ([name]: [string, unknown]) => action.definition.parameters[name]?.sensitive !== true;
  const shown = Object.entries(prefilled ?? {}).filter(isShown);
  const selected = Object.entries(objectSets ?? {}).filter(isShown);
  const sets = selected.map(([name, ids]) => [name, { count: ids.length, ids: ids.slice(0, shownMembers) }]);
  return {
    ...(shown.length > 0 ? { prefilled: Object.fromEntries(shown) } : {}),
    ...(sets.length > 0 ? { objectSets: Object.fromEntries(sets) } : {}),
  };
}
