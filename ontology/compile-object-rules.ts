import { describeType, fits } from './cel/cel-types.ts';
import type { Expression } from './cel/expression.ts';
import type { Scope } from './cel/scope.ts';
import type { Assignment, CompiledRule } from './compiled-action.ts';
import type { Assigned, PropertyDefinition, Rule } from './definition.ts';
import type { SlotDefinition } from './effect-definition.ts';
import { equalJson } from './equal-json.ts';
import { type JsonValue, pointerTo } from './json.ts';
import { anObject, expression, type NamedType, namedType, type RuleContext, text } from './rule-context.ts';
import { faultOfSlotInEdits } from './slots-in-edits.ts';

type RuleOf<Kind extends Rule['rule']> = Extract<Rule, { rule: Kind }>;

export function compileModify(context: RuleContext, scope: Scope, rule: RuleOf<'modify'>, base: string): CompiledRule | undefined {
  const named = namedType(context, rule.type, base);
  if (!named) {
    return undefined;
  }
  const object = expression(context, scope, rule.object, pointerTo(base, 'object'), anObject(named));
  const set = compileSet(context, scope, named, rule.set ?? {}, pointerTo(base, 'set'));
  for (const property of [...Object.keys(rule.set ?? {}), ...(rule.unset ?? [])]) {
    const keyed = named.types.find((type) => type.key === property);
    if (keyed) {
      context.faults.add(base, `${property} is the key of ${keyed.name} and cannot change`);
    }
  }
  for (const [at, property] of (rule.unset ?? []).entries()) {
    const isRequired = named.types.some((type) => type.properties.get(property)?.required === true);
    const message = named.properties.has(property) ? isRequired && `${property} is required` : `${named.name} has no property ${property}`;
    if (message) {
      context.faults.addAt(base, ['unset', at], message);
    }
    if (Object.hasOwn(rule.set ?? {}, property)) {
      context.faults.addAt(base, ['unset', at], `${property} is also set`);
    }
  }
  if (set.length === 0 && (rule.unset ?? []).length === 0 && context.faults.isEmpty) {
    context.faults.add(base, 'neither sets nor unsets anything');
  }
  return object && { kind: 'modify', pointer: base, type: named.name, object, set, unset: rule.unset ?? [] };
}

export function compileDelete(context: RuleContext, scope: Scope, rule: RuleOf<'delete'>, base: string): CompiledRule | undefined {
  const named = namedType(context, rule.type, base);
  const object = named && expression(context, scope, rule.object, pointerTo(base, 'object'), anObject(named));
  return named && object && { kind: 'delete', pointer: base, type: named.name, object };
}

export function compileCreate(context: RuleContext, scope: Scope, rule: RuleOf<'create'>, base: string): CompiledRule | undefined {
  const named = namedType(context, rule.type, base);
  if (!named) {
    return undefined;
  }
  const set = compileSet(context, scope, named, rule.set ?? {}, pointerTo(base, 'set'));
  checkCreatable(context, named, Object.keys(rule.set ?? {}), base);
  return { kind: 'create', pointer: base, type: named.name, set, ...compileIdentity(context, scope, named, rule, base) };
}

export function compileCreateOrModify(
  context: RuleContext,
  scope: Scope,
  rule: RuleOf<'createOrModify'>,
  base: string,
): CompiledRule | undefined {
  const named = namedType(context, rule.type, base);
  if (!named) {
    return undefined;
  }
  const set = compileSet(context, scope, named, rule.set ?? {}, pointerTo(base, 'set'));
  const create = compileSet(context, scope, named, rule.create ?? {}, pointerTo(base, 'create'));
  for (const property of Object.keys(rule.create ?? {})) {
    const keyed = named.types.find((type) => type.key === property);
    if (keyed || Object.hasOwn(rule.set ?? {}, property)) {
      const message = keyed ? `${property} is the key of ${keyed.name}, which names the object; set it` : `${property} is also set`;
      context.faults.addAt(base, ['create', property], message);
    }
  }
  checkCreatable(context, named, [...Object.keys(rule.set ?? {}), ...Object.keys(rule.create ?? {})], base);
  const unnamed = named.types.find((type) => type.key === undefined);
  if (unnamed && rule.id === undefined) {
    context.faults.addAt(base, ['id'], `${unnamed.name} has no key, so only an id can say which object is meant`);
  }
  const identity = compileIdentity(context, scope, named, rule, base);
  return { kind: 'createOrModify', pointer: base, type: named.name, set, create, ...identity };
}

/** What names a new object beside its key: an id where there is no key, and of an interface the type. */
function compileIdentity(
  context: RuleContext,
  scope: Scope,
  named: NamedType,
  rule: RuleOf<'create'> | RuleOf<'createOrModify'>,
  base: string,
): { id?: Expression; objectType?: Expression } {
  const [first] = named.types;
  if (rule.id !== undefined && named.types.every((type) => type.key !== undefined)) {
    context.faults.addAt(base, ['id'], `the id of ${first?.name} is its ${first?.key}`);
  }
  if (named.isInterface !== (rule.objectType !== undefined)) {
    const message = named.isInterface ? `must say which type is created, since ${named.name} is an interface` : 'is for interfaces';
    context.faults.addAt(base, ['objectType'], message);
  }
  const id = rule.id === undefined ? undefined : expression(context, scope, rule.id, pointerTo(base, 'id'), text);
  const objectType =
    rule.objectType === undefined ? undefined : expression(context, scope, rule.objectType, pointerTo(base, 'objectType'), text);
  return { ...(id ? { id } : {}), ...(objectType ? { objectType } : {}) };
}

/** Whichever type is created, it must have what it requires. */
function checkCreatable(context: RuleContext, named: NamedType, given: readonly string[], base: string): void {
  for (const type of named.types) {
    for (const [property, definition] of type.properties) {
      const isNeeded = property === type.key || (definition.required && definition.default === undefined);
      if (isNeeded && !given.includes(property)) {
        context.faults.addAt(base, ['set'], `${property} is required${named.isInterface ? ` of a ${type.name}` : ''}`);
      }
    }
  }
}

function compileSet(context: RuleContext, scope: Scope, named: NamedType, set: Record<string, Assigned>, base: string): Assignment[] {
  return Object.entries(set).flatMap(([property, source]) => {
    const pointer = pointerTo(base, property);
    const definition = named.properties.get(property);
    if (!definition) {
      context.faults.add(pointer, `${named.name} has no property ${property}`);
      return [];
    }
    if (typeof source !== 'string') return compileSlot(context, named, property, source.slot, pointer);
    const value = expression(context, scope, source, pointer, {
      type: (celType) => fits(celType, definition),
      words: describeType(definition),
    });
    const literal = definition.type === 'enum' ? /^\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*$/.exec(source) : null;
    const word = literal?.[1] ?? literal?.[2];
    if (definition.type === 'enum' && word !== undefined && !definition.values.includes(word)) {
      context.faults.add(pointer, `"${word}" is none of ${definition.values.join(', ')}`);
    }
    return value ? [{ property, value }] : [];
  });
}

/** What a write-back of the action will be answered. What the property asks of its values the slot must ask too, since the door holds the answer to the slot alone. */
function compileSlot(context: RuleContext, named: NamedType, property: string, slot: string, pointer: string): Assignment[] {
  const { faults, action } = context;
  const writeBack = (action.effects ?? []).find((effect) => effect.phase === 'writeBack' && Object.hasOwn(effect.slots ?? {}, slot));
  const definition = writeBack?.slots?.[slot];
  if (definition === undefined) {
    faults.addAt(pointer, ['slot'], `no write-back fills ${slot}`);
    return [];
  }
  const properties = named.types.flatMap((type) => type.properties.get(property) ?? []);
  const fault =
    faultOfSlotInEdits(definition) ??
    (named.types.some((type) => type.key === property) ? 'the key of an object is no answer' : undefined) ??
    properties.map((one) => faultOfFit(one, definition)).find((one) => one !== undefined);
  if (fault !== undefined) faults.addAt(pointer, ['slot'], fault);
  return [{ property, value: { slot, pointer } }];
}

const limits = ['minimum', 'maximum', 'oneOf', 'minLength', 'maxLength', 'pattern', 'values'];

function faultOfFit(property: PropertyDefinition, slot: SlotDefinition): string | undefined {
  if (property.type !== slot.type) return `is a ${slot.type}, and the property a ${property.type}`;
  if (property.unique) return 'whether the answer is unique shows too late';
  const [asked, said] = [property, slot] as unknown as Record<string, JsonValue | undefined>[];
  const limit = limits.find((name) => asked?.[name] !== undefined && !equalJson(asked[name], said?.[name]));
  return limit === undefined ? undefined : `must say of ${limit} what the property says`;
}
