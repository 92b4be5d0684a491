import { celTypeOf, describeType, fits, objectCelType, objectTypeOf } from './cel/cel-types.ts';
import { compileExpression, type Expression } from './cel/expression.ts';
import type { Scope } from './cel/scope.ts';
import { compileCondition } from './compile-condition.ts';
import type { Assignment, CompiledRule, CompiledSource } from './compiled-action.ts';
import type { CompiledLinkType, CompiledObjectType } from './compiled-ontology.ts';
import type { ActionTypeDefinition, ForEachRule, FunctionRule, Rule } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';
import type { OntologyFunction } from './ontology-function.ts';

/** What a rule may refer to. */
export interface RuleContext {
  actionType: string;
  action: ActionTypeDefinition;
  objectTypes: ReadonlyMap<string, CompiledObjectType>;
  linkTypes: ReadonlyMap<string, CompiledLinkType>;
  functions: readonly OntologyFunction[];
  faults: FaultList;
}

export const boolean = { type: (celType: string) => celType === 'bool' || celType === 'dyn', words: 'true or false' };

/** Compiles rules in order; what is faulty is left out, its faults noted. */
export function compileRules(
  context: RuleContext,
  scope: Scope,
  rules: readonly Rule[],
  pointer: string,
  isRepeated = false,
): CompiledRule[] {
  return rules.flatMap((rule, at) => {
    const base = pointerTo(pointer, at);
    const when = rule.when === undefined ? undefined : expression(context, scope, rule.when, pointerTo(base, 'when'), boolean);
    const compiled = compileRule(context, scope, rule, base, isRepeated);
    return compiled ? [{ ...compiled, ...(when ? { when } : {}) }] : [];
  });
}

function compileRule(context: RuleContext, scope: Scope, rule: Rule, base: string, isRepeated: boolean): CompiledRule | undefined {
  switch (rule.rule) {
    case 'modify':
      return compileModify(context, scope, rule, base);
    case 'create':
      return compileCreate(context, scope, rule, base);
    case 'delete': {
      const type = objectType(context, rule.type, base);
      const object = type && expression(context, scope, rule.object, pointerTo(base, 'object'), anObject(rule.type));
      return type && object && { kind: 'delete', pointer: base, type: rule.type, object };
    }
    case 'link':
    case 'unlink':
      return compileLink(context, scope, rule, base);
    case 'forEach':
      return compileForEach(context, scope, rule, base);
    case 'if': {
      const condition = expression(context, scope, rule.condition, pointerTo(base, 'condition'), boolean);
      const whenTrue = compileRules(context, scope, rule.then, pointerTo(base, 'then'), isRepeated);
      const whenFalse = compileRules(context, scope, rule.else ?? [], pointerTo(base, 'else'), isRepeated);
      return condition && { kind: 'if', pointer: base, condition, whenTrue, whenFalse };
    }
    case 'function':
      return compileFunction(context, rule, base, isRepeated);
  }
}

function compileModify(
  context: RuleContext,
  scope: Scope,
  rule: Extract<Rule, { rule: 'modify' }>,
  base: string,
): CompiledRule | undefined {
  const type = objectType(context, rule.type, base);
  if (!type) {
    return undefined;
  }
  const object = expression(context, scope, rule.object, pointerTo(base, 'object'), anObject(rule.type));
  const set = compileSet(context, scope, type, rule.set ?? {}, base);
  for (const property of [...Object.keys(rule.set ?? {}), ...(rule.unset ?? [])]) {
    if (property === type.key) {
      context.faults.add(base, `${property} is the key of ${type.name} and cannot change`);
    }
  }
  for (const [at, property] of (rule.unset ?? []).entries()) {
    const definition = type.properties.get(property);
    const message = definition ? (definition.required ? `${property} is required` : undefined) : `${type.name} has no property ${property}`;
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
  return object && { kind: 'modify', pointer: base, type: type.name, object, set, unset: rule.unset ?? [] };
}

function compileCreate(
  context: RuleContext,
  scope: Scope,
  rule: Extract<Rule, { rule: 'create' }>,
  base: string,
): CompiledRule | undefined {
  const type = objectType(context, rule.type, base);
  if (!type) {
    return undefined;
  }
  const set = compileSet(context, scope, type, rule.set ?? {}, base);
  for (const [property, definition] of type.properties) {
    const isNeeded = property === type.key || (definition.required && definition.default === undefined);
    if (isNeeded && !Object.hasOwn(rule.set ?? {}, property)) {
      context.faults.addAt(base, ['set'], `${property} is required`);
    }
  }
  if (rule.id !== undefined && type.key !== undefined) {
    context.faults.addAt(base, ['id'], `the id of ${type.name} is its ${type.key}`);
  }
  const text = { type: (celType: string) => celType === 'string' || celType === 'dyn', words: 'text' };
  const id = rule.id === undefined ? undefined : expression(context, scope, rule.id, pointerTo(base, 'id'), text);
  return { kind: 'create', pointer: base, type: type.name, set, ...(id ? { id } : {}) };
}

function compileSet(context: RuleContext, scope: Scope, type: CompiledObjectType, set: Record<string, string>, base: string): Assignment[] {
  return Object.entries(set).flatMap(([property, source]) => {
    const pointer = pointerTo(base, 'set', property);
    const definition = type.properties.get(property);
    if (!definition) {
      context.faults.add(pointer, `${type.name} has no property ${property}`);
      return [];
    }
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

function compileLink(
  context: RuleContext,
  scope: Scope,
  rule: Extract<Rule, { rule: 'link' | 'unlink' }>,
  base: string,
): CompiledRule | undefined {
  const link = context.linkTypes.get(rule.link);
  if (!link) {
    context.faults.addAt(base, ['link'], `there is no link type ${rule.link}`);
    return undefined;
  }
  if (link.cardinality !== 'many-to-many') {
    context.faults.addAt(base, ['link'], `${link.name} is held by ${link.to}.${link.via}; modify that`);
    return undefined;
  }
  const from = expression(context, scope, rule.from, pointerTo(base, 'from'), anObject(link.from));
  const to = expression(context, scope, rule.to, pointerTo(base, 'to'), anObject(link.to));
  return from && to && { kind: rule.rule, pointer: base, link: link.name, from, to };
}

function compileForEach(context: RuleContext, scope: Scope, rule: ForEachRule, base: string): CompiledRule | undefined {
  const { faults } = context;
  if (scope.has(rule.as)) {
    faults.addAt(base, ['as'], `${rule.as} is taken`);
    return undefined;
  }
  const found = compileSource(context, scope, rule, pointerTo(base, 'in'));
  if (!found) {
    return undefined;
  }
  const inner = scope.with(rule.as, found.celType);
  const rules = compileRules(context, inner, rule.do, pointerTo(base, 'do'), true);
  return { kind: 'forEach', pointer: base, variable: inner.variable(rule.as), source: found.source, rules };
}

function compileSource(
  context: RuleContext,
  scope: Scope,
  rule: ForEachRule,
  base: string,
): { source: CompiledSource; celType: string } | undefined {
  const source = rule.in;
  if ('list' in source) {
    const parameter = context.action.parameters[source.list];
    if (parameter?.type !== 'array') {
      context.faults.addAt(base, ['list'], parameter ? `${source.list} is no list` : `there is no parameter ${source.list}`);
      return undefined;
    }
    const { items } = parameter;
    const celType = items.type === 'reference' ? objectCelType(items.to) : celTypeOf(items);
    return { source: { kind: 'list', parameter: source.list }, celType };
  }
  if ('query' in source) {
    const type = objectType(context, source.query.type, pointerTo(base, 'query'));
    const outcome =
      type &&
      compileCondition(
        scope,
        { type: type.name, properties: type.properties, alias: rule.as },
        source.query.where,
        pointerTo(base, 'query', 'where'),
      );
    const condition = outcome && context.faults.take(outcome);
    return (
      type && condition && { source: { kind: 'query', type: type.name, where: condition.template }, celType: objectCelType(type.name) }
    );
  }
  return compileWalk(context, scope, source, base);
}

/** Which way a link is walked follows from the type of the object it starts at; where both ends have that type, `reverse` says it. */
function compileWalk(
  context: RuleContext,
  scope: Scope,
  source: { link: string; of: string; reverse?: boolean },
  base: string,
): { source: CompiledSource; celType: string } | undefined {
  const link = context.linkTypes.get(source.link);
  if (!link) {
    context.faults.addAt(base, ['link'], `there is no link type ${source.link}`);
    return undefined;
  }
  const ends = [link.from, link.to].map(objectCelType);
  const isStart = (celType: string) => ends.includes(celType) || celType === 'string' || celType === 'dyn';
  const of = expression(context, scope, source.of, pointerTo(base, 'of'), { type: isStart, words: `a ${link.from} or a ${link.to}` });
  if (!of) {
    return undefined;
  }
  const started = objectTypeOf(of.type);
  const forward = started === undefined || link.from === link.to ? source.reverse !== true : started === link.from;
  if (source.reverse !== undefined && source.reverse === forward) {
    context.faults.addAt(base, ['reverse'], `a ${started} is the ${forward ? 'from' : 'to'} end of ${link.name}`);
  }
  return { source: { kind: 'link', link: link.name, of, forward }, celType: objectCelType(forward ? link.to : link.from) };
}

function compileFunction(context: RuleContext, rule: FunctionRule, base: string, isRepeated: boolean): CompiledRule | undefined {
  if (isRepeated) {
    context.faults.add(base, 'a function runs once for the action, not for each object; let it walk them itself');
  }
  for (const [at, write] of rule.writes.entries()) {
    const pointer = pointerTo(base, 'writes', at);
    const isLink = write.operations.some((operation) => operation === 'link' || operation === 'unlink');
    if (isLink) {
      const isRow = context.linkTypes.get(write.type)?.cardinality === 'many-to-many';
      if (!isRow || write.operations.some((operation) => operation !== 'link' && operation !== 'unlink')) {
        context.faults.addAt(pointer, ['type'], 'link and unlink are for many-to-many link types, and stand alone');
      }
      continue;
    }
    const type = objectType(context, write.type, pointer);
    for (const [index, property] of (write.properties ?? []).entries()) {
      if (type && (!type.properties.has(property) || (property === type.key && !write.operations.includes('create')))) {
        context.faults.addAt(pointer, ['properties', index], `${write.type} has no property ${property} that can change`);
      }
    }
    if (write.operations.includes('modify') && (write.properties ?? []).length === 0) {
      context.faults.addAt(pointer, ['properties'], 'must name what a modify may touch');
    }
  }
  const found = context.functions.find((candidate) => candidate.name === rule.name && candidate.version === rule.version);
  if (!found) {
    context.faults.addAt(base, ['name'], `no function ${rule.name} of version ${rule.version} is registered`);
    return undefined;
  }
  return { kind: 'function', pointer: base, function: found, writes: rule.writes };
}

function objectType(context: RuleContext, name: string, base: string): CompiledObjectType | undefined {
  const type = context.objectTypes.get(name);
  if (!type) {
    context.faults.addAt(base, ['type'], `there is no object type ${name}`);
  }
  return type;
}

function anObject(type: string): { type: (celType: string) => boolean; words: string } {
  return {
    type: (celType) => celType === objectCelType(type) || celType === 'string' || celType === 'dyn',
    words: `a ${type} or the id of one`,
  };
}

function expression(
  context: RuleContext,
  scope: Scope,
  source: string,
  pointer: string,
  expects: { type: (celType: string) => boolean; words: string },
): Expression | undefined {
  return context.faults.take(compileExpression(scope, source, pointer, expects))?.expression;
}
