import { createHash } from 'node:crypto';
import type { Assignment, CompiledRule } from '../compiled-action.ts';
import type { CompiledObjectType } from '../compiled-ontology.ts';
import type { JsonValue } from '../json.ts';
import { refuse } from '../refusal.ts';
import { typesNamed } from '../rule-context.ts';
import { isObjectId } from '../scalar-value.ts';
import { normaliseValue } from '../value.ts';
import { computeValue } from './compute-values.ts';
import { objectType, type Pass, type Run } from './run.ts';

export function runCreate(run: Run, rule: Extract<CompiledRule, { kind: 'create' }>, passes: readonly Pass[]): void {
  for (const pass of passes) {
    const type = typeToCreate(run, rule, pass);
    const named = type.key === undefined ? rule.id : rule.set.find(({ property }) => property === type.key)?.value;
    const given = named === undefined || 'slot' in named ? undefined : named.compute(pass.frame);
    const id = typeof given === 'string' ? given : generatedId(run, type.name, rule.pointer, pass.key);
    const values = newValues(run, type, rule.set, pass, id);
    addCreate(run, type, type.key === undefined ? id : String(values.get(type.key) ?? ''), values, rule.pointer);
  }
}

/** The type of a new object; of an interface, what the rule computes. @throws {Refusal} when that does not implement it. */
export function typeToCreate(run: Run, rule: Extract<CompiledRule, { kind: 'create' | 'createOrModify' }>, pass: Pass): CompiledObjectType {
  if (!rule.objectType) {
    return objectType(run, rule.type);
  }
  const name = rule.objectType.compute(pass.frame);
  const type = typesNamed(run.ontology, rule.type).find((candidate) => candidate.name === name);
  if (!type) {
    throw refuse('invalid_value', `${rule.objectType.text} names no type that implements ${rule.type}`, {
      pointer: rule.objectType.pointer,
    });
  }
  return type;
}

/** All that a new object has: what is assigned, and defaults for the rest. */
export function newValues(
  run: Run,
  type: CompiledObjectType,
  assignments: readonly Assignment[],
  pass: Pass,
  id: string,
): Map<string, JsonValue | undefined> {
  const values = new Map<string, JsonValue | undefined>();
  for (const assignment of assignments) {
    values.set(assignment.property, computeValue(run, type, assignment, pass, id, defaultOf(type, assignment.property)));
  }
  for (const property of type.properties.keys()) {
    if (!values.has(property)) {
      values.set(property, defaultOf(type, property));
    }
  }
  return values;
}

export function addCreate(
  run: Run,
  type: CompiledObjectType,
  id: string,
  values: Map<string, JsonValue | undefined>,
  pointer: string,
): void {
  if (isIdFor(run, type, id, pointer)) {
    run.builder.create(type, id, values, pointer);
  }
}

/** A computed id may be text that no object can have; that is a fault. */
export function isIdFor(run: Run, type: CompiledObjectType, id: string, pointer: string): boolean {
  if (isObjectId(id)) {
    return true;
  }
  const message = `"${id.slice(0, 50)}" cannot be the id of a ${type.name}: it must be 1 to 200 characters, none a control character`;
  run.builder.fault('invalid_value', message, { pointer });
  return false;
}

/** In stored form, in which an author need not have written it. */
export function defaultOf(type: CompiledObjectType, property: string): JsonValue | undefined {
  const definition = type.properties.get(property);
  if (definition?.default === undefined) {
    return undefined;
  }
  const outcome = normaliseValue(definition, definition.default);
  return 'value' in outcome ? outcome.value : undefined;
}

/** An id in the form of a version-8 UUID: the same for the same revision, rule and pass, so that a re-simulation creates the same objects. */
export function generatedId(run: Run, type: string, pointer: string, key: string): string {
  const seed = JSON.stringify([run.context.revisionSeed, type, pointer, key]);
  const hex = createHash('sha256').update(seed).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
