import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { noEffects, outsideEffects } from '../ontology/outside-effects.ts';
import type { Edit, PlanSummary } from '../ontology/plan.ts';
import type { PlanForPolicy } from '../ontology/policy-engine.ts';
import { mostTouched, touchedObjects } from '../ontology/touched-objects.ts';
import type { LoadedPolicies } from './policy-sets.ts';
import { readEdits } from './read-plan.ts';
import { readPlannedSteps } from './saga/planned-steps.ts';
import type { Sql } from './sql.ts';
import { SqlSnapshot } from './sql-snapshot.ts';

/**
 * The parts of a plan that policies may go by and that are costly: the objects that it touches, and what it does outside. They come from the plan's own stored bytes, and what
 * the plan does not write from the objects as they are now, so whoever asks in one transaction is answered with the same facts. Takes no locks. `ontology` MUST be the one in
 * force: by it the policies were checked, and it says what is sensitive.
 */
export async function lookUpPlan(
  sql: Sql,
  { planId, summary }: { planId: string; summary: PlanSummary },
  goesBy: LoadedPolicies['goesBy'],
  ontology: CompiledOntology | null,
): Promise<Pick<PlanForPolicy, 'touches' | 'effects'>> {
  return {
    ...(goesBy.includes('touches') ? { touches: await readTouched(sql, planId, summary, ontology) } : {}),
    ...(goesBy.includes('effects') ? { effects: await readEffects(sql, planId, summary) } : {}),
  };
}

async function readTouched(
  sql: Sql,
  planId: string,
  { objectTypes }: PlanSummary,
  ontology: CompiledOntology | null,
): Promise<NonNullable<PlanForPolicy['touches']>> {
  const edits = await readEdits(sql, planId, 0, mostTouched);
  const snapshot = new SqlSnapshot(sql);
  const modified = modifiedIds(edits);
  const live = new Map(await Promise.all([...modified].map(async ([type, ids]) => [type, await snapshot.get(type, ids)] as const)));
  const types = ontology?.objectTypes ?? new Map<never, never>();
  return touchedObjects(edits, objectTypes, types, (type, id) => live.get(type)?.get(id)?.properties);
}

function modifiedIds(edits: readonly Edit[]): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const edit of edits) {
    if (edit.op !== 'modify') continue;
    const ofType = ids.get(edit.type);
    if (ofType === undefined) ids.set(edit.type, [edit.id]);
    else ofType.push(edit.id);
  }
  return ids;
}

async function readEffects(sql: Sql, planId: string, { effects, checks }: PlanSummary): Promise<NonNullable<PlanForPolicy['effects']>> {
  if (effects === 0 && !checks) return noEffects;
  const steps = await readPlannedSteps(sql, planId);
  return outsideEffects(
    steps.flatMap((step) => ('effect' in step ? [step.effect] : [])),
    steps.flatMap((step) => ('check' in step ? [step.check] : [])),
  );
}
