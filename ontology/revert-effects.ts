import type { EndpointDefinition } from './effect-definition.ts';
import { fillSlots } from './fill-slots.ts';
import type { JsonObject } from './json.ts';
import { leadsToEndpoint } from './leads-to-endpoint.ts';
import { requestsOf } from './outside-effects.ts';
import type { PlannedCompensation, PlannedEffect } from './planned-effect.ts';
import { refuse } from './refusal.ts';

/** What an execution did outside, and what the answers said. */
export interface DoneEffects {
  /** Those that were done, in their order. */
  effects: readonly PlannedEffect[];
  /** Names of those that may have been done: nobody knows whether there is something to take back. */
  unknown?: readonly string[];
  slots: JsonObject;
}

/**
 * What takes an execution's effects back, last first: each one's compensation, as an effect that may itself fail and be undone. What came after the edits is taken back before
 * them, and what came before after them. An effect that is itself such a compensation is taken back by doing the first one anew. @throws {Refusal} where one cannot be sent, or would
 * go to where `endpoints`, those of the document in force, do not lead.
 */
export function revertEffects(
  { effects, unknown = [], slots }: DoneEffects,
  endpoints: Readonly<Record<string, EndpointDefinition>> = {},
): { effects: PlannedEffect[]; lasting: string[] } {
  const lasting = [...unknown];
  const inverse = [...effects].reverse().flatMap((effect): PlannedEffect[] => {
    if (effect.redo !== undefined) return [{ ...effect.redo, phase: opposite(effect.phase) }];
    if (effect.compensation !== undefined) return [inverseOf(effect, effect.compensation, slots)];
    lasting.push(effect.name);
    return [];
  });
  const astray = inverse.find((effect) => !requestsOf(effect).every((request) => leadsToEndpoint(request, endpoints)));
  if (astray !== undefined)
    throw refuse('revert_conflict', `what takes ${astray.name} back would be sent to where no endpoint leads any more`);
  return { effects: inverse, lasting };
}

function inverseOf(effect: PlannedEffect, compensation: PlannedCompensation, slots: JsonObject): PlannedEffect {
  const { name, attempts, sensitive } = effect;
  return {
    name,
    phase: opposite(effect.phase),
    ...filled(compensation, slots, name),
    attempts,
    // Done anew it would be answered anew, while objects and a later revert go by the first answer: so a revert that fails past this asks a person.
    ...(Object.keys(effect.slots ?? {}).length === 0 ? { compensation: filled(effect, slots, name) } : {}),
    redo: effect,
    ...(sensitive ? { sensitive } : {}),
  };
}

function opposite(phase: PlannedEffect['phase']): PlannedEffect['phase'] {
  return phase === 'writeBack' ? 'sideEffect' : 'writeBack';
}

function filled({ request, lostAnswer, probe }: PlannedCompensation, slots: JsonObject, name: string): PlannedCompensation {
  const whole = fillSlots(request, slots);
  const asked = probe && fillSlots(probe.request, slots);
  if (whole === null || asked === null) throw refuse('revert_conflict', `what takes ${name} back needs what an answer never said`);
  return { request: whole, lostAnswer, ...(probe && asked ? { probe: { ...probe, request: asked } } : {}) };
}
