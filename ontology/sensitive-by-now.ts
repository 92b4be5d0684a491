import { isChangeSet, membersOf } from './change-set.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import { nameWithinAction } from './effects-in-set.ts';
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
  const defined = membersOf(actionType).flatMap((member) => original.actionTypes.get(member)?.compiled.effects ?? []);
  const withAll = (effect: PlannedEffect): PlannedEffect => {
    // Of a change set the name does not say of which action type it is, so those of one name are taken together.
    const name = isChangeSet(actionType) ? nameWithinAction(effect.name) : effect.name;
    const found = defined.filter(({ definition }) => definition.name === name).flatMap(({ sensitiveIn }) => sensitiveIn(current));
    const sensitive = [...new Set([...(effect.sensitive ?? []), ...found])].sort(compareText);
    if (sensitive.length === 0) return effect;
    return { ...effect, sensitive, ...(effect.redo ? { redo: withAll(effect.redo) } : {}) };
  };
  return effects.map(withAll);
}
