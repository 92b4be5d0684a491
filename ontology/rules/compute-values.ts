import { fromCel } from '../cel/cel-values.ts';
import type { Assignment } from '../compiled-action.ts';
import type { CompiledObjectType } from '../compiled-ontology.ts';
import type { PropertyDefinition } from '../definition.ts';
import type { JsonValue } from '../json.ts';
import { slotValue } from '../slots-in-edits.ts';
import { normaliseValue } from '../value.ts';
import type { Pass, Run } from './run.ts';

/**
 * The value a rule writes, in stored form; undefined where it is absent. What does not fit its property is a fault and counts as absent. `otherwise` is taken where
 * the expression gives nothing.
 */
export function computeValue(
  run: Run,
  type: CompiledObjectType,
  assignment: Assignment,
  pass: Pass,
  id: string,
  otherwise?: JsonValue,
): JsonValue | undefined {
  if ('slot' in assignment.value) return slotValue(assignment.value.slot);
  const definition = type.properties.get(assignment.property) as PropertyDefinition;
  const json = fromCel(definition, assignment.value.compute(pass.frame)) ?? otherwise;
  return checkValue(run, type, assignment.property, json, id, assignment.value.pointer);
}

export function checkValue(
  run: Run,
  type: CompiledObjectType,
  property: string,
  json: JsonValue | undefined,
  id: string,
  pointer: string,
): JsonValue | undefined {
  const definition = type.properties.get(property) as PropertyDefinition;
  const outcome = json === undefined ? undefined : normaliseValue(definition, json);
  const isNeeded = definition.required || property === type.key;
  const refused = outcome === undefined ? (isNeeded ? 'is required' : undefined) : 'refused' in outcome ? outcome.refused : undefined;
  if (refused !== undefined) {
    run.builder.fault('invalid_value', `${property} of ${type.name} ${id} ${refused}`, {
      pointer,
      objects: [{ type: type.name, id, property }],
    });
    return undefined;
  }
  return outcome && 'value' in outcome ? outcome.value : undefined;
}
