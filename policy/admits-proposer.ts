import type { Actor } from '../ontology/authority.ts';
import { admits, compilePrincipalExpression } from '../ontology/cel/principal-expression.ts';

/** Does the action type's own condition on proposers admit this principal? Without one it admits everybody; one that does not compile admits nobody. */
export function admitsProposer(condition: string | null, actor: Actor): boolean {
  if (condition === null) return true;
  const outcome = compilePrincipalExpression('proposer', condition, '');
  return 'expression' in outcome && admits(outcome.expression, 'proposer', { id: actor.id, kind: actor.kind, roles: actor.roles });
}
