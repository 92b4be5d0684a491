import { objectCelType, objectTypeOf } from './cel/cel-types.ts';
import type { Scope } from './cel/scope.ts';
import { compileForEach } from './compile-for-each.ts';
import { compileFunctionRule } from './compile-function-rule.ts';
import { compileCreate, compileCreateOrModify, compileDelete, compileModify } from './compile-object-rules.ts';
import type { CompiledRule } from './compiled-action.ts';
import type { Rule } from './definition.ts';
import { pointerTo } from './json.ts';
import { boolean, type Expected, expression, type RuleContext, typesNamed } from './rule-context.ts';

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
    case 'createOrModify':
      return compileCreateOrModify(context, scope, rule, base);
    case 'delete':
      return compileDelete(context, scope, rule, base);
    case 'link':
    case 'unlink':
      return compileLink(context, scope, rule, base);
    case 'forEach': {
      const loop = compileForEach(context, scope, rule, base);
      const rules = loop && compileRules(context, loop.inner, rule.do, pointerTo(base, 'do'), true);
      return loop && { kind: 'forEach', pointer: base, variable: loop.inner.variable(rule.as), source: loop.source, rules: rules ?? [] };
    }
    case 'if': {
      const condition = expression(context, scope, rule.condition, pointerTo(base, 'condition'), boolean);
      const whenTrue = compileRules(context, scope, rule.then, pointerTo(base, 'then'), isRepeated);
      const whenFalse = compileRules(context, scope, rule.else ?? [], pointerTo(base, 'else'), isRepeated);
      return condition && { kind: 'if', pointer: base, condition, whenTrue, whenFalse };
    }
    case 'function':
      return compileFunctionRule(context, rule, base, isRepeated);
  }
}

function compileLink(
  context: RuleContext,
  scope: Scope,
  rule: Extract<Rule, { rule: 'link' | 'unlink' }>,
  base: string,
): CompiledRule | undefined {
  const link = context.types.linkTypes.get(rule.link);
  if (!link) {
    context.faults.addAt(base, ['link'], `there is no link type ${rule.link}`);
    return undefined;
  }
  if (link.cardinality !== 'many-to-many') {
    context.faults.addAt(base, ['link'], `${link.name} is held by ${link.to}.${link.via}; modify that`);
    return undefined;
  }
  const from = expression(context, scope, rule.from, pointerTo(base, 'from'), anEnd(context, link.from));
  const to = expression(context, scope, rule.to, pointerTo(base, 'to'), anEnd(context, link.to));
  return from && to && { kind: rule.rule, pointer: base, link: link.name, from, to };
}

/** An object of an interface may be of the type that the link's end asks for; whether it is shows when it is there. */
function anEnd(context: RuleContext, end: string): Expected {
  const isEnd = (celType: string) => {
    const named = objectTypeOf(celType);
    return celType === objectCelType(end) || (named !== undefined && typesNamed(context.types, named).some((type) => type.name === end));
  };
  return { type: (celType) => isEnd(celType) || celType === 'string' || celType === 'dyn', words: `a ${end} or the id of one` };
}
