import { admits, compilePrincipalExpression } from './cel/principal-expression.ts';
import type { Principal } from './principal.ts';

/** Does the action type's own condition on proposers admit this principal? Without one it admits everybody; one that does not compile admits nobody. */
export function admitsProposer(condition: string | null, { id, kind, roles }: Principal): boolean {
  if (condition === null) return true;
  const outcome = compilePrincipalExpression('proposer', condition, '');
  return 'expression' in outcome && admits(outcome.expression, 'proposer', { id, kind, roles });
}
