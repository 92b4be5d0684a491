import type { ActionConstraint, EntityUidJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyAction } from '../ontology/policy-engine.ts';
import { entityOf } from './cedar-entity.ts';

/** Whether a policy with this scope may be about an action. */
export function concerns(scope: ActionConstraint, action: PolicyAction): boolean {
  const { op, entity, entities } = scope as { op: string; entity?: EntityUidJson; entities?: EntityUidJson[] };
  const isNamed = (one: EntityUidJson) => entityOf(one).id === action;
  if (op === '==') return entity !== undefined && isNamed(entity);
  return op !== 'in' || entities === undefined || entities.some(isNamed);
}
