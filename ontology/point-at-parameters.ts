import type { EditBuilder } from './edit-builder.ts';
import { type JsonObject, type JsonValue, pointerTo } from './json.ts';
import type { Fault } from './plan.ts';
import { Refusal } from './refusal.ts';

/**
 * Faults of merged edits know objects and no place. Where the text that one is about, the id of what is missing or there already, or the value that two objects would
 * share, stands in one parameter alone, the fault points there: at the place, or at the last of several, which is the doublet. Else it keeps having no pointer. Numbers
 * and booleans are not looked for, since they are equal by chance.
 */
export function pointAtParameters(error: unknown, parameters: JsonObject, builder: EditBuilder): unknown {
  if (!(error instanceof Refusal)) return error;
  return new Refusal(error.faults.map((fault) => pointed(fault, parameters, builder)));
}

function pointed(fault: Fault, parameters: JsonObject, builder: EditBuilder): Fault {
  const text = fault.pointer === undefined ? textOf(fault, builder) : undefined;
  if (text === undefined) return fault;
  const found = Object.entries(parameters)
    .map(([name, value]) => placesOf(text, value, pointerTo('/parameters', name)))
    .filter((places) => places.length > 0);
  const pointer = found.length === 1 ? found[0]?.at(-1) : undefined;
  return pointer === undefined ? fault : { ...fault, pointer };
}

function textOf({ code, objects = [] }: Fault, builder: EditBuilder): string | undefined {
  if (code === 'unknown_reference' || code === 'object_exists') return objects.at(-1)?.id;
  if (code !== 'not_unique') return undefined;
  for (const { type, id, property } of objects) {
    const draft = builder.draft(type, id);
    const value = draft === undefined || draft.op === 'delete' ? undefined : draft.values.get(property ?? '');
    if (typeof value === 'string') return value;
  }
  return undefined;
}

function placesOf(text: string, value: JsonValue, pointer: string): string[] {
  if (value === text) return [pointer];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([step, inner]) => placesOf(text, inner, pointerTo(pointer, step)));
}
