import type { SlotDefinition } from './effect-definition.ts';
import type { JsonValue } from './json.ts';
import type { Edit } from './plan.ts';
import type { PlannedEffect } from './planned-effect.ts';
import { refuse } from './refusal.ts';

/** What an edit writes where only the answer to a write-back will say the value. The digest covers it; the door puts the recorded answer in its place. */
export function slotValue(slot: string): JsonValue {
  return { $slot: slot };
}

/** The slot that a value of an edit stands for. No property has a field of that name, so nothing else looks like it. */
export function slotIn(value: JsonValue | undefined): string | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && typeof value.$slot === 'string' ? value.$slot : undefined;
}

/** Slots that edits take, in the order in which they are met. */
export function slotsTaken(edits: readonly Edit[]): Set<string> {
  const taken = new Set<string>();
  for (const edit of edits) {
    for (const value of 'set' in edit ? Object.values(edit.set ?? {}) : []) {
      const slot = slotIn(value);
      if (slot !== undefined) taken.add(slot);
    }
  }
  return taken;
}

/** Says of each effect which of its slots the edits take. @throws {Refusal} where the write-back that fills one is left out of this plan. */
export function bindSlots(edits: readonly Edit[], effects: readonly PlannedEffect[]): PlannedEffect[] {
  const taken = slotsTaken(edits);
  const bound = effects.map((effect) => {
    const fills = effect.phase === 'writeBack' ? Object.keys(effect.slots ?? {}).filter((slot) => taken.delete(slot)) : [];
    return fills.length === 0 ? effect : { ...effect, fills };
  });
  for (const slot of taken) throw refuse('invalid_value', `the write-back that fills ${slot} is not part of this plan`);
  return bound;
}

/** What the database can hold a value to as well as we: of these types alone edits take slots. */
const kinds: ReadonlySet<string> = new Set(['boolean', 'integer', 'long', 'string', 'enum']);
const longest = 1_000;

/** Regular expressions that PostgreSQL, under the collation "C", and RE2 read alike: classes, literals, groups, and repetitions of at most two digits. */
const commonPattern =
  /^\^?(?:\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_ /:.])+-?\]|[A-Za-z0-9_ /:#@-]|\\[.d]|\(\?:|[()|]|[?*+]|\{\d{1,2}(?:,\d{0,2})?\})*\$?$/;

/** Why edits cannot take a slot so defined; undefined where they can. */
export function faultOfSlotInEdits(definition: SlotDefinition): string | undefined {
  if (!kinds.has(definition.type)) return `a slot that edits take is of one of the types ${[...kinds].join(', ')}`;
  if (definition.type !== 'string') return undefined;
  if ((definition.maxLength ?? Number.POSITIVE_INFINITY) > longest)
    return `a text that edits take from an answer has a maxLength of at most ${longest}`;
  if (definition.pattern !== undefined && !commonPattern.test(definition.pattern))
    return 'the pattern of a text that edits take from an answer has only what the database reads alike: letters, digits, classes, groups and repetitions';
  return undefined;
}
