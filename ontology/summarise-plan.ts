import type { CompiledActionType, CompiledObjectType } from './compiled-ontology.ts';
import { compareText } from './json.ts';
import { isIrreversible } from './outside-effects.ts';
import type { Edit, PlanHeader, PlanSummary, Verdict } from './plan.ts';
import type { PlannedCheck, PlannedEffect } from './planned-effect.ts';

/** What a plan amounts to, for people who decide on it. */
export function summarisePlan(
  edits: readonly Edit[],
  action: CompiledActionType,
  verdicts: Verdict[],
  objectTypes: ReadonlyMap<string, CompiledObjectType>,
  effects: readonly PlannedEffect[] = [],
  checks: readonly PlannedCheck[] = [],
): PlanSummary {
  const counts = { create: 0, modify: 0, delete: 0, link: 0, unlink: 0 };
  const touched: Record<string, number> = {};
  for (const edit of edits) {
    counts[edit.op]++;
    if ('type' in edit) {
      touched[edit.type] = (touched[edit.type] ?? 0) + 1;
    }
  }
  const irreversible = effects.filter(isIrreversible);
  const [first] = irreversible;
  const lasting = effects.filter(({ compensation, optional }) => compensation === undefined && optional).map(({ name }) => name);
  const sensitive = [...new Set([...sensitiveTouched(edits, objectTypes), ...[...effects, ...checks].flatMap(sensitiveSent)])].sort(
    compareText,
  );
  return {
    edits: counts,
    objectTypes: touched,
    effects: effects.length,
    ...(checks.length > 0 ? { checks: checks.length } : {}),
    riskTier: action.riskTier,
    revertible: action.reversible && irreversible.every(mayBeDoneAnew),
    ...(first === undefined ? {} : { irreversibleFrom: first.name }),
    ...(lasting.length > 0 ? { lasting } : {}),
    verdicts,
    ...(sensitive.length > 0 ? { sensitive } : {}),
  };
}

/** A revert's effect that cannot be undone on the way may still be reverted as a whole, by doing anew what it took back; not where objects hold an answer to that. */
function mayBeDoneAnew({ redo }: PlannedEffect): boolean {
  return redo !== undefined && redo.fills === undefined;
}

/** What leaves the house is touched as much as what is written. */
function sensitiveSent({ sensitive = [] }: PlannedEffect | PlannedCheck): string[] {
  return sensitive.filter((path) => !path.startsWith('parameters.'));
}

/** Sensitive properties that the edits write, as `type.property`. A deletion writes them all; so does the door see it. */
function sensitiveTouched(edits: readonly Edit[], objectTypes: ReadonlyMap<string, CompiledObjectType>): string[] {
  const sensitive = new Map(
    [...objectTypes].map(([name, type]) => [name, [...type.properties].flatMap(([property, at]) => (at.sensitive ? [property] : []))]),
  );
  const found = new Set<string>();
  for (const edit of edits) {
    for (const property of 'type' in edit ? (sensitive.get(edit.type) ?? []) : []) {
      const isWritten = edit.op === 'delete' || (edit.op === 'modify' && edit.unset?.includes(property));
      if (isWritten || ('set' in edit && edit.set !== undefined && Object.hasOwn(edit.set, property))) {
        found.add(`${'type' in edit ? edit.type : ''}.${property}`);
      }
    }
  }
  return [...found].sort(compareText);
}

/** A reader sees at a glance what a set is about; the whole of it is in the plan's header. */
const shownMembers = 100;

/** What the simulation chose. Whoever shows it passes it through the reader's mask. */
export function summariseChoice({
  prefilled,
  objectSets,
}: Pick<PlanHeader, 'prefilled' | 'objectSets'>): Pick<PlanSummary, 'prefilled' | 'objectSets'> {
  const sets = Object.entries(objectSets ?? {}).map(([name, ids]) => [name, { count: ids.length, ids: ids.slice(0, shownMembers) }]);
  return { ...(prefilled ? { prefilled } : {}), ...(sets.length > 0 ? { objectSets: Object.fromEntries(sets) } : {}) };
}
