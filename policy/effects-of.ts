import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyEffect } from '../ontology/policy-engine.ts';
import { freshCedar, lookInto } from './cedar-module.ts';

/** What each of these Cedar policies does where it applies. Null for a text that is none. */
export function effectsOf(texts: readonly string[]): (PolicyEffect | null)[] {
  const cedar = freshCedar();
  const effectOf = (policy: PolicyJson): PolicyEffect => ({ effect: policy.effect, mayFail: policyMayFail(policy) });
  return texts.map((text) => lookInto<PolicyEffect | null>(cedar, text, effectOf, null));
}

/** Whether it may turn out that a policy cannot be computed, which denies whatever the others say. */
export function policyMayFail({ conditions }: PolicyJson): boolean {
  return conditions.some(({ body }) => mayFail(body));
}

/** Of policies that passed the strict check these always have an outcome. Arithmetic overflows, and functions of extensions refuse what they are given. */
const total = new Set([
  ...['!', '==', '!=', 'in', '<', '<=', '>', '>=', '&&', '||', 'if-then-else'],
  ...['contains', 'containsAll', 'containsAny', 'isEmpty', '.', 'has', 'is', 'like'],
]);

/** Whether an expression may be an error where it is asked. Its depth is bounded by what Cedar parses. */
function mayFail(expression: object): boolean {
  return Object.entries(expression).some(([op, args]) => {
    if (op === 'Value' || op === 'Var') return false;
    if (op === 'Set' || op === 'Record') return Object.values(args as object).some(mayFail);
    return !total.has(op) || partsOf(args as Record<string, unknown>).some(mayFail);
  });
}

/** What a name, a pattern, or an entity type says is no expression. */
function partsOf({ left, right, arg, if: asked, then, else: otherwise, in: within }: Record<string, unknown>): object[] {
  return [left, right, arg, asked, then, otherwise, within].filter((part) => typeof part === 'object' && part !== null);
}
