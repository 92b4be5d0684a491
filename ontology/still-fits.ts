import type { PropertyDefinition } from './definition.ts';
import { equalJson } from './equal-json.ts';
import type { JsonValue } from './json.ts';
import { normaliseValue } from './value.ts';

/** Whether the definition of a property admits what was stored of it under an earlier one, word for word; undefined is no property, or no value. */
export function stillFits(definition: PropertyDefinition | undefined, value: JsonValue | undefined): boolean {
  if (definition === undefined) return value === undefined;
  if (value === undefined) return definition.required !== true;
  const outcome = normaliseValue(definition, value);
  return 'value' in outcome && equalJson(outcome.value, value);
}
