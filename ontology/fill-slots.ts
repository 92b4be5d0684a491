import type { JsonObject, JsonValue } from './json.ts';
import type { PlannedRequest } from './planned-effect.ts';

/** A planned request with what earlier answers said in its places; null where one of them is missing, or would lead a URL elsewhere. */
export function fillSlots<R extends PlannedRequest>(request: R, slots: JsonObject): R | null {
  let isWhole = true;
  const take = (name: string): JsonValue => {
    const value = Object.hasOwn(slots, name) ? slots[name] : undefined;
    if (value === undefined) isWhole = false;
    return value ?? null;
  };
  const part = (name: string): string => {
    const text = String(take(name) ?? '');
    if (/^\.{0,2}$/.test(text)) isWhole = false;
    return encodeURIComponent(text);
  };
  const filled = filledRequest(request, take, part) as R;
  return isWhole ? filled : null;
}

/** The slots that a planned request names. */
export function slotsIn(request: PlannedRequest): string[] {
  const named = new Set<string>();
  const note = (name: string): string => {
    named.add(name);
    return '';
  };
  filledRequest(request, note, note);
  return [...named];
}

function filledRequest(request: PlannedRequest, take: (name: string) => JsonValue, part: (name: string) => string): PlannedRequest {
  const fill = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    if (typeof value.$slot === 'string') return take(value.$slot);
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fill(inner)]));
  };
  switch (request.kind) {
    case 'webhook':
      return {
        ...request,
        url: request.url.replace(/\{(\w+)\}/g, (_all, name: string) => part(name)),
        ...(request.body === undefined ? {} : { body: fill(request.body) }),
      };
    case 'message':
      return { ...request, data: fill(request.data) };
    case 'function':
      return { ...request, input: fill(request.input) };
  }
}
