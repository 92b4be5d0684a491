import type { Expression } from './cel/expression.ts';
import type { Scope } from './cel/scope.ts';
import type { Template } from './effect-definition.ts';
import { pointerTo } from './json.ts';
import { type Expected, expression, type RuleContext } from './rule-context.ts';

/** What is sent, with its expressions checked. */
export type CompiledTemplate =
  | { kind: 'value'; value: Expression }
  | { kind: 'slot'; slot: string }
  | { kind: 'object'; fields: readonly (readonly [string, CompiledTemplate])[] }
  | { kind: 'list'; items: readonly CompiledTemplate[] };

/** Where templates are compiled: `scope` is the action's own, `tracing` a copy that tells which values this effect alone mentions. */
export interface TemplateContext {
  rules: RuleContext;
  scope: Scope;
  tracing: Scope;
  /** Slots that are filled before this is sent. */
  slots: ReadonlySet<string>;
  /** Those of them that are sent. */
  sent: Set<string>;
}

/** Maps have no JSON that could be told apart from ours; a template says objects itself. */
const sendable: Expected = {
  type: (celType) => !celType.startsWith('map') && celType !== 'principal' && celType !== 'type',
  words: 'a value; objects are written as such',
};

export function compileTemplate(context: TemplateContext, template: Template, pointer: string): CompiledTemplate | undefined {
  const { rules, scope, tracing, slots } = context;
  if (typeof template === 'string') {
    const value = expression(rules, scope, template, pointer, sendable);
    if (value === undefined) return undefined;
    expression(rules, tracing, template, pointer, sendable);
    return { kind: 'value', value };
  }
  if (Array.isArray(template)) {
    return { kind: 'list', items: template.flatMap((item, at) => compileTemplate(context, item, pointerTo(pointer, at)) ?? []) };
  }
  if (isSlot(template)) {
    if (!slots.has(template.slot)) rules.faults.addAt(pointer, ['slot'], `no earlier effect fills ${template.slot}`);
    context.sent.add(template.slot);
    return { kind: 'slot', slot: template.slot };
  }
  const fields = Object.entries(template).flatMap(([name, inner]) => {
    if (name.startsWith('$')) rules.faults.addAt(pointer, [name], 'names that begin with $ are ours');
    const compiled = compileTemplate(context, inner, pointerTo(pointer, name));
    return compiled ? [[name, compiled] as const] : [];
  });
  return { kind: 'object', fields };
}

function isSlot(template: object): template is { slot: string } {
  return 'slot' in template && typeof template.slot === 'string' && Object.keys(template).length === 1;
}
