import type { ActionConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyAction } from '../ontology/policy-engine.ts';
import { entityOf } from './cedar-entity.ts';

/** Which actions a policy with this scope is about; null for every one. No action is in a group here, so it is in another where it is that other. */
export function actionsOf(scope: ActionConstraint): string[] | null {
  const named = 'entities' in scope ? scope.entities : 'entity' in scope ? [scope.entity] : null;
  if (named === null) return null; // Also of a slot, which only templates have.
  return named.map(entityOf).flatMap(({ type, id }) => (type === 'Action' ? [id] : []));
}

export function concerns(scope: ActionConstraint, action: PolicyAction): boolean {
  return actionsOf(scope)?.includes(action) ?? true;
}
