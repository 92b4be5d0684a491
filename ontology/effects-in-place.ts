import type { JsonObject } from './json.ts';
import type { PlannedEffect } from './planned-effect.ts';

/** An effect that was done, with what the answers to its plan's effects said. */
export interface DoneEffect {
  effect: PlannedEffect;
  slots: JsonObject;
}

/** What an execution did outside, and is still in place. */
export interface DoneEffects {
  /** In the order of its plan. */
  effects: readonly DoneEffect[];
  /** Names of those that may have been done: nobody knows whether there is something to take back. */
  unknown?: readonly string[];
}

/** What came of an effect in one execution of a family of reverts. */
export interface EffectRecord extends DoneEffect {
  outcome: 'done' | 'unknown';
  /** Whether it took back what the first of the family did. */
  isBack: boolean;
}

/**
 * Of an execution's effects those that are in place: what was taken back since is not, unless it was done again, and then it is what was done again that is to be taken back, with the answers to that.
 * Where nobody knows what came of the last, nobody knows of the effect. `all` are those of its family, in the order in which they happened.
 */
export function effectsInPlace(own: readonly EffectRecord[], all: readonly EffectRecord[]): DoneEffects {
  const last = new Map(all.map((record) => [record.effect.name, record]));
  const effects: DoneEffect[] = [];
  const unknown: string[] = [];
  for (const { effect, isBack } of own) {
    const { outcome, isBack: isLastBack, ...done } = last.get(effect.name) ?? { effect, outcome: 'unknown', isBack, slots: {} };
    if (outcome === 'unknown') unknown.push(effect.name);
    else if (isLastBack === isBack) effects.push(done);
  }
  return { effects, unknown };
}
