// The effects of a change set, as one saga: those of ontology/saga.ts, phase by phase, and within each action by action.
//
// | step         | do                           | undo            | key                               | after a crash in the middle |
// |--------------|------------------------------|-----------------|-----------------------------------|-----------------------------|
// | write-backs  | of action 1, of action 2, …  | last first      | as any step: n counts through all | as any write-back           |
// | edits        | of all actions, as one plan  | all of them     | the one execution                 | as any edits                |
// | side effects | of action 1, of action 2, …  | last first      | as any step                       | as any side effect          |
// | checks       | of all actions, side by side | nothing to undo | as any step                       | asked again                 |

import type { JsonValue } from './json.ts';
import type { PlannedCheck, PlannedEffect, PlannedProbe, PlannedRequest } from './planned-effect.ts';

/** What one action of a change set does outside, under names of its own: every name of a step and of a slot says which action it is of. */
export function effectInSet(effect: PlannedEffect, index: number): PlannedEffect {
  const { slots, probe, compensation } = effect;
  return {
    ...effect,
    name: stepName(effect.name, index),
    request: renamed(effect.request, index),
    ...(probe ? { probe: renamedProbe(probe, index) } : {}),
    ...(slots ? { slots: Object.fromEntries(Object.entries(slots).map(([name, slot]) => [slotName(name, index), slot])) } : {}),
    ...(compensation
      ? {
          compensation: {
            ...compensation,
            request: renamed(compensation.request, index),
            ...(compensation.probe ? { probe: renamedProbe(compensation.probe, index) } : {}),
          },
        }
      : {}),
  };
}

export function checkInSet(check: PlannedCheck, index: number): PlannedCheck {
  const { probe, holds } = check;
  return {
    ...check,
    name: stepName(check.name, index),
    ...(probe ? { probe: renamedProbe(probe, index) } : {}),
    ...(holds === undefined ? {} : { action: index }),
  };
}

function stepName(name: string, index: number): string {
  return `${index + 1}.${name}`;
}

/** What a step of a change set is called by the action that it is of. */
export function nameWithinAction(stepName: string): string {
  return stepName.slice(stepName.indexOf('.') + 1);
}

function slotName(name: string, index: number): string {
  return `a${index + 1}_${name}`;
}

function renamedProbe(probe: PlannedProbe, index: number): PlannedProbe {
  return { ...probe, request: renamed(probe.request, index) };
}

function renamed<R extends PlannedRequest>(request: R, index: number): R;
function renamed(request: PlannedRequest, index: number): PlannedRequest {
  const value = (inner: JsonValue) => renamedIn(inner, index);
  if (request.kind === 'message') return { ...request, data: value(request.data) };
  if (request.kind === 'function') return { ...request, input: value(request.input) };
  const url = request.url.replace(/\{(\w+)\}/g, (_all, name: string) => `{${slotName(name, index)}}`);
  return { ...request, url, ...(request.body === undefined ? {} : { body: value(request.body) }) };
}

function renamedIn(value: JsonValue, index: number): JsonValue {
  if (Array.isArray(value)) return value.map((item) => renamedIn(item, index));
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.$slot === 'string') return { $slot: slotName(value.$slot, index) };
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, renamedIn(inner, index)]));
}
