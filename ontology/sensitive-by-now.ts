import { isChangeSet, membersOf } from './change-set.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { stepName } from './effects-in-set.ts';
import { compareText } from './json.ts';
import type { PlannedEffect } from './planned-effect.ts';

/**
 * Effects that take an execution back, with what is sensitive by now of what they send. Their requests hold values that were read when the execution was planned, and which may have become
 * sensitive since: by `original`, the definitions of then, it is told which properties these are, and by `current` which of those are sensitive. Nothing that was told then is left out.
 */
export function sensitiveByNow(
  effects: readonly PlannedEffect[],
  actionType: string,
  original: CompiledOntology,
  current: CompiledOntology,
): PlannedEffect[] {
  const found = new Map<string, readonly string[]>();
  for (const [index, member] of membersOf(actionType).entries()) {
    for (const { definition, sensitiveIn } of original.actionTypes.get(member)?.compiled.effects ?? []) {
      found.set(isChangeSet(actionType) ? stepName(definition.name, index) : definition.name, sensitiveIn(current));
    }
  }
  const withAll = (effect: PlannedEffect): PlannedEffect => {
    const sensitive = [...new Set([...(effect.sensitive ?? []), ...(found.get(effect.name) ?? [])])].sort(compareText);
    if (sensitive.length === 0) return effect;
    return { ...effect, sensitive, ...(effect.redo ? { redo: withAll(effect.redo) } : {}) };
  };
  return effects.map(withAll);
}
