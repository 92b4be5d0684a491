import { askingIntervalMs } from './asking-interval.ts';
import { toJson } from './cel/cel-values.ts';
import type { Frame } from './cel/expression.ts';
import type {
  CompiledCheck,
  CompiledCompensation,
  CompiledEffect,
  CompiledProbe,
  CompiledRequest,
  CompiledWebhook,
} from './compile-effects.ts';
import type { CompiledTemplate } from './compile-template.ts';
import { durationMs } from './duration.ts';
import type { EndpointDefinition, SlotDefinition } from './effect-definition.ts';
import { isStorableText, type JsonObject, type JsonValue } from './json.ts';
import type { PlannedCheck, PlannedEffect, PlannedProbe, PlannedRequest } from './planned-effect.ts';
import { refuse } from './refusal.ts';
import { toldEffect } from './told-request.ts';

type Endpoints = Readonly<Record<string, EndpointDefinition>>;

interface Sending {
  frame: Frame;
  endpoints: Endpoints;
  /** Slots that the effects of this plan fill. */
  slots: ReadonlySet<string>;
  pointer: string;
}

const slotMark = '$slot';
const defaultAttempts = 5;
const defaultTimeout = 'PT10S';

/** Computes each request as it will be sent. @throws {Refusal} when one cannot be, {ExpressionError} when an expression fails. */
export function planEffects(effects: readonly CompiledEffect[], frame: Frame, endpoints: Endpoints): PlannedEffect[] {
  const slots = new Set<string>();
  return effects.flatMap((effect) => {
    if (effect.when !== undefined && effect.when.compute(frame) !== true) return [];
    const { definition } = effect;
    const before = { frame, endpoints, slots: new Set(slots), pointer: effect.pointer };
    for (const slot of Object.keys(definition.slots ?? {})) slots.add(slot);
    return [planEffect(effect, before, { ...before, slots: new Set(slots) })];
  });
}

function planEffect(effect: CompiledEffect, before: Sending, after: Sending): PlannedEffect {
  const { definition, compensation } = effect;
  return toldEffect({
    name: definition.name,
    phase: definition.phase,
    ...(definition.optional ? { optional: true as const } : {}),
    request: planRequest(effect.request, before),
    ...planHandling(effect, before),
    attempts: definition.attempts ?? defaultAttempts,
    ...(definition.slots ? { slots: definition.slots as Record<string, SlotDefinition> } : {}),
    ...(compensation ? { compensation: { request: planRequest(compensation.request, after), ...planHandling(compensation, after) } } : {}),
    ...(effect.sensitive.length > 0 ? { sensitive: [...effect.sensitive] } : {}),
  });
}

export function planChecks(
  checks: readonly CompiledCheck[],
  effects: readonly PlannedEffect[],
  frame: Frame,
  endpoints: Endpoints,
): PlannedCheck[] {
  const slots = new Set(effects.flatMap((effect) => Object.keys(effect.slots ?? {})));
  return checks.map(({ definition: { name, after, bake, every, holds }, probe, sensitive }) => ({
    name,
    afterMs: after === undefined ? 0 : durationMs(after),
    ...(bake === undefined ? {} : { bakeMs: durationMs(bake), everyMs: askingIntervalMs(bake, every) }),
    ...(probe ? { probe: planProbe(probe, { frame, endpoints, slots, pointer: probe.request.endpoint }) } : {}),
    ...(holds === undefined ? {} : { holds }),
    ...(sensitive.length > 0 ? { sensitive: [...sensitive] } : {}),
  }));
}

function planHandling({ lostAnswer, probe }: Pick<CompiledCompensation, 'lostAnswer' | 'probe'>, sending: Sending) {
  return { lostAnswer, ...(probe ? { probe: planProbe(probe, sending) } : {}) };
}

function planProbe({ request, done }: CompiledProbe, sending: Sending): PlannedProbe {
  return { request: planWebhook(request, sending), done };
}

function planRequest(request: CompiledRequest, sending: Sending): PlannedRequest {
  switch (request.kind) {
    case 'webhook':
      return planWebhook(request, sending);
    case 'message':
      return { kind: 'message', type: request.type, data: fill(request.data, sending) };
    case 'function':
      return { kind: 'function', name: request.name, version: request.version, input: fill(request.input, sending) };
  }
}

function planWebhook(request: CompiledWebhook, sending: Sending): Extract<PlannedRequest, { kind: 'webhook' }> {
  const { url, timeout = defaultTimeout } = sending.endpoints[request.endpoint] ?? { url: '' };
  const path = request.path.map((segment) => `/${segmentOf(segment, sending)}`).join('');
  const query = request.query.map(([name, value]) => `${encodeURIComponent(name)}=${textOf(value, sending)}`).join('&');
  return {
    kind: 'webhook',
    endpoint: request.endpoint,
    method: request.method,
    url: `${url.replace(/\/+$/, '')}${path}${query === '' ? '' : `?${query}`}`,
    ...(request.body ? { body: fill(request.body, sending) } : {}),
    timeoutMs: durationMs(timeout),
  };
}

/** A segment that is empty or made of dots would lead elsewhere. */
function segmentOf(template: CompiledTemplate, sending: Sending): string {
  const text = textOf(template, sending);
  if (/^\.{0,2}$/.test(text))
    throw refuse('invalid_value', 'a segment of the path is empty or leads elsewhere', { pointer: sending.pointer });
  return text;
}

function textOf(template: CompiledTemplate, sending: Sending): string {
  if (template.kind === 'slot') return `{${slotOf(template.slot, sending)}}`;
  const value = fill(template, sending);
  if (value === null || typeof value === 'object') {
    throw refuse('invalid_value', 'a part of a URL must be a single value that is there', { pointer: sending.pointer });
  }
  return encodeURIComponent(String(value));
}

function fill(template: CompiledTemplate, sending: Sending): JsonValue {
  switch (template.kind) {
    case 'slot':
      return { [slotMark]: slotOf(template.slot, sending) };
    case 'list':
      return template.items.map((item) => fill(item, sending));
    case 'object':
      return Object.fromEntries(template.fields.map(([name, inner]) => [name, fill(inner, sending)])) as JsonObject;
    case 'value':
      return toSend(template.value.compute(sending.frame), template.value.pointer);
  }
}

/** Of a value that JSON has no word for, that would lose digits, or that cannot be stored, no plan is made. */
function toSend(value: unknown, pointer: string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => toSend(item, pointer));
  const fields = value instanceof Map ? [...value] : isRecord(value) ? Object.entries(value) : undefined;
  if (fields !== undefined) {
    // The name of a field may be what somebody has put in, and this one is where an answer goes.
    if (fields.some(([name]) => name === slotMark))
      throw refuse('invalid_value', `no field of what is sent is called ${slotMark}`, { pointer });
    return Object.fromEntries(fields.flatMap(([name, inner]) => (inner === null ? [] : [[String(name), toSend(inner, pointer)]])));
  }
  const json = toJson(value);
  const isExact = typeof value !== 'bigint' || Number.isSafeInteger(json);
  if (!isExact || (typeof json === 'number' && !Number.isFinite(json))) {
    throw refuse('invalid_value', 'a number that JSON cannot hold exactly would be sent; send it as text', { pointer });
  }
  if (typeof json === 'string' && !isStorableText(json)) throw refuse('invalid_value', 'what would be sent cannot be stored', { pointer });
  return json;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function slotOf(slot: string, { slots, pointer }: Sending): string {
  if (!slots.has(slot)) throw refuse('invalid_value', `the effect that fills ${slot} is not part of this plan`, { pointer });
  return slot;
}
