// The effects of a revert, as a saga of its own: those of ontology/saga.ts, last first. A revert of it does them as they were first planned (`redo`).
//
// | step          | do                                 | undo                                                 | key                         | after a crash in the middle |
// |---------------|------------------------------------|------------------------------------------------------|-----------------------------|-----------------------------|
// | side effect n | its compensation, as a write-back  | the effect anew where it had no slots, else a person | as any step, of the revert  | as any write-back           |
// | edits         | the inverse ones                   | `undo_execution`                                     | the execution of the revert | as any edits                |
// | write-back n  | its compensation, as a side effect | as a side effect                                     | as any step, of the revert  | as any side effect          |

import type { EndpointDefinition } from './effect-definition.ts';
import type { DoneEffect, DoneEffects } from './effects-in-place.ts';
import { fillSlots } from './fill-slots.ts';
import type { JsonObject } from './json.ts';
import { leadsToEndpoint } from './leads-to-endpoint.ts';
import { requestsOf } from './outside-effects.ts';
import type { PlannedCompensation, PlannedEffect } from './planned-effect.ts';
import { refuse } from './refusal.ts';
import { toldEffect } from './told-request.ts';

/**
 * What takes an execution's effects back, last first: each one's compensation, as an effect that may itself fail and be undone. What came after the edits is taken back before
 * them, and what came before after them. An effect that is itself such a compensation is taken back by doing the first one anew. One that cannot be sent, or would go to where `endpoints`,
 * those of the document in force, do not lead, lasts where such are skipped. @throws {Refusal} where they are not.
 */
export function revertEffects(
  { effects, unknown = [] }: DoneEffects,
  endpoints: Readonly<Record<string, EndpointDefinition>> = {},
  skips = false,
): { effects: PlannedEffect[]; lasting: string[] } {
  const lasting = [...unknown];
  const inverse = [...effects].reverse().flatMap((done): PlannedEffect[] => {
    const back = inverseOf(done, endpoints);
    if (typeof back === 'object') return [back];
    if (back !== undefined && !skips) throw refuse('revert_conflict', back);
    lasting.push(done.effect.name);
    return [];
  });
  // Of a plan from before messages were shown as they are told, what takes it back shows them so.
  return { effects: inverse.map(toldEffect), lasting };
}

/** What takes an effect back: nothing, or words for why it cannot be sent any more. */
function inverseOf(done: DoneEffect, endpoints: Readonly<Record<string, EndpointDefinition>>): PlannedEffect | string | undefined {
  const { redo, compensation, phase, name } = done.effect;
  if (redo === undefined && compensation === undefined) return undefined;
  const back = redo === undefined ? compensated(done, compensation as PlannedCompensation) : { ...redo, phase: opposite(phase) };
  if (back === null) return `what takes ${name} back needs what an answer never said`;
  const leads = requestsOf(back).every((request) => leadsToEndpoint(request, endpoints));
  return leads ? back : `what takes ${name} back would be sent to where no endpoint leads any more`;
}

function compensated({ effect, slots }: DoneEffect, compensation: PlannedCompensation): PlannedEffect | null {
  const { name, attempts, sensitive } = effect;
  const back = filled(compensation, slots);
  // Done anew it would be answered anew, while objects and a later revert go by the first answer: so a revert that fails past this asks a person.
  const anew = Object.keys(effect.slots ?? {}).length === 0 ? filled(effect, slots) : undefined;
  if (back === null || anew === null) return null;
  return {
    name,
    phase: opposite(effect.phase),
    ...back,
    attempts,
    ...(anew ? { compensation: anew } : {}),
    redo: effect,
    ...(sensitive ? { sensitive } : {}),
  };
}

function opposite(phase: PlannedEffect['phase']): PlannedEffect['phase'] {
  return phase === 'writeBack' ? 'sideEffect' : 'writeBack';
}

/** Null where an answer never said what belongs into it. */
function filled({ request, lostAnswer, probe }: PlannedCompensation, slots: JsonObject): PlannedCompensation | null {
  const whole = fillSlots(request, slots);
  const asked = probe && fillSlots(probe.request, slots);
  if (whole === null || asked === null) return null;
  return { request: whole, lostAnswer, ...(probe && asked ? { probe: { ...probe, request: asked } } : {}) };
}
