import { canonicalText } from './canonical-json.ts';
import type { AnyDefinition, ArrayDefinition, FieldDefinition } from './definition.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { normaliseScalar, type ValueOutcome } from './scalar-value.ts';

/** Hears what is wrong, and where inside the value: names of fields and places in lists. */
export type Refuse = (steps: readonly (string | number)[], message: string, code?: 'unknown_field') => void;

/** Brings a JSON value to the one form in which this type is stored, or says in words why it cannot be: the first fault of it. Never throws. */
export function normaliseValue(definition: AnyDefinition, json: unknown): ValueOutcome {
  let refused: string | undefined;
  const value = collectValue(definition, json, (steps, message) => {
    refused ??= [...steps.map((step) => (typeof step === 'number' ? `item ${step}` : `field ${step}`)), message].join(' ');
  });
  return refused === undefined ? { value: value as JsonValue } : { refused };
}

/** The same, for whoever wants to hear all that is wrong. What it returns is only of use when nothing was. */
export function collectValue(definition: AnyDefinition, json: unknown, refuse: Refuse): JsonValue | undefined {
  switch (definition.type) {
    case 'array':
      return collectList(definition, json, refuse);
    case 'struct':
      return collectFields(definition.properties, json, refuse);
    default: {
      const outcome = normaliseScalar(definition, json);
      if ('refused' in outcome) {
        refuse([], outcome.refused);
        return undefined;
      }
      return outcome.value;
    }
  }
}

function collectList(definition: ArrayDefinition, json: unknown, refuse: Refuse): JsonValue | undefined {
  if (!Array.isArray(json)) {
    refuse([], 'must be a list');
    return undefined;
  }
  if (definition.maxItems !== undefined && json.length > definition.maxItems) {
    refuse([], `must have at most ${definition.maxItems} items`);
    return undefined; // A hostile list is not looked into.
  }
  if (definition.minItems !== undefined && json.length < definition.minItems) {
    refuse([], `must have at least ${definition.minItems} items`);
  }
  const items = json.map(
    (item, at) => collectValue(definition.items, item, (steps, message, code) => refuse([at, ...steps], message, code)) ?? null,
  );
  if (definition.distinct) {
    const seen = new Set<string>();
    for (const [at, item] of items.entries()) {
      const text = canonicalText(item);
      if (seen.has(text)) {
        refuse([at], 'stands in the list twice');
      }
      seen.add(text);
    }
  }
  return items;
}

/** Fields by their definitions: unknown names are faults, nulls are absent, defaults are filled in. */
export function collectFields(definitions: Record<string, FieldDefinition>, json: unknown, refuse: Refuse): JsonObject | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    refuse([], 'must be an object');
    return undefined;
  }
  const given = json as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(definitions, name)) {
      refuse([name], `${name} is not known here`, 'unknown_field');
    }
  }
  const fields: JsonObject = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const value = (Object.hasOwn(given, name) ? given[name] : undefined) ?? definition.default;
    if (value === undefined || value === null) {
      if (definition.required) {
        refuse([name], 'is required');
      }
      continue;
    }
    const normalised = collectValue(definition, value, (steps, message, code) => refuse([name, ...steps], message, code));
    if (normalised !== undefined) {
      fields[name] = normalised;
    }
  }
  return fields;
}
