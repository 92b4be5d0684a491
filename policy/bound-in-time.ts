import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { concerns } from './actions-of.ts';
import { freshCedar, lookInto } from './cedar-module.ts';

/** Whether each of these policies may let somebody administer at one time and not at another. What cannot be told may. */
export function boundInTime(texts: readonly string[]): boolean[] {
  const cedar = freshCedar();
  const isBound = ({ action, conditions }: PolicyJson) => concerns(action, 'administer') && mentionsTime(conditions);
  return texts.map((text) => lookInto(cedar, text, isBound, true));
}

/**
 * Whether an expression goes by the time, or by all of the context, of which one then cannot tell. The context of administering holds nothing else. The expression's depth is
 * bounded by what Cedar parses.
 */
function mentionsTime(expression: unknown): boolean {
  if (typeof expression !== 'object' || expression === null) return false;
  return Object.entries(expression).some(([key, value]) => {
    if (key === 'Var') return value === 'context';
    const { left, attr } = (value ?? {}) as { left?: { Var?: string }; attr?: string | string[] };
    if ((key === '.' || key === 'has') && left?.Var === 'context') return [attr].flat()[0] === 'now';
    return mentionsTime(value);
  });
}
