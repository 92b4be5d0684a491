import { createHash } from 'node:crypto';
import type { CompiledRule } from '../compiled-action.ts';
import type { CompiledObjectType } from '../compiled-ontology.ts';
import type { JsonValue } from '../json.ts';
import { isObjectId } from '../scalar-value.ts';
import { computeValue } from './compute-values.ts';
import { objectType, type Pass, type Run } from './run.ts';

export function runCreate(run: Run, rule: Extract<CompiledRule, { kind: 'create' }>, passes: readonly Pass[]): void {
  const type = objectType(run, rule.type);
  const unset = [...type.properties.keys()].filter((property) => !rule.set.some((assignment) => assignment.property === property));
  const named = rule.id ?? rule.set.find(({ property }) => property === type.key)?.value;
  for (const pass of passes) {
    const given = named?.compute(pass.frame);
    let id = typeof given === 'string' ? given : generatedId(run, rule.type, rule.pointer, pass.key);
    const values = new Map<string, JsonValue | undefined>();
    for (const assignment of rule.set) {
      const value = computeValue(run, type, assignment, pass, id);
      values.set(assignment.property, value ?? defaultOf(type, assignment.property));
    }
    for (const property of unset) {
      values.set(property, defaultOf(type, property));
    }
    if (type.key !== undefined) {
      id = String(values.get(type.key) ?? '');
    }
    addCreate(run, type, id, values, rule.pointer);
  }
}

export function addCreate(
  run: Run,
  type: CompiledObjectType,
  id: string,
  values: Map<string, JsonValue | undefined>,
  pointer: string,
): void {
  if (!isObjectId(id)) {
    run.builder.fault(
      'invalid_value',
      `"${id.slice(0, 50)}" cannot be the id of a ${type.name}: it must be 1 to 200 characters, none a control character`,
      { pointer },
    );
    return;
  }
  run.builder.create(type, id, values, pointer);
}

export function defaultOf(type: CompiledObjectType, property: string): JsonValue | undefined {
  return type.properties.get(property)?.default;
}

/** An id in the form of a version-8 UUID: the same for the same revision, rule and pass, so that a re-simulation creates the same objects. */
export function generatedId(run: Run, type: string, pointer: string, key: string): string {
  const seed = JSON.stringify([run.context.revisionSeed, type, pointer, key]);
  const hex = createHash('sha256').update(seed).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
