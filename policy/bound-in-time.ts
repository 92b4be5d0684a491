import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { entityOf } from './cedar-entity.ts';
import { freshCedar, lookInto } from './cedar-module.ts';
import { concerns } from './concerns.ts';

/** Whether each of these policies may let somebody administer, or see the tenant, at one time and not at another. What cannot be told may. */
export function boundInTime(texts: readonly string[]): boolean[] {
  const cedar = freshCedar();
  const isBound = ({ action, resource, conditions }: PolicyJson) =>
    (concerns(action, 'administer') || (concerns(action, 'see') && mayBeTenant(resource))) && mentionsTime(conditions);
  return texts.map((text) => lookInto(cedar, text, isBound, true));
}

/** Of a proposal one sees an action type. */
function mayBeTenant(resource: object): boolean {
  const { entity, entity_type } = resource as { entity?: EntityUidJson; entity_type?: string };
  return (entity_type ?? (entity && entityOf(entity).type)) !== 'ActionType';
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
