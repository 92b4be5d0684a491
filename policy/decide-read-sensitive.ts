import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { admits, compilePrincipalExpression } from '../ontology/cel/principal-expression.ts';
import { isMember } from './roles.ts';
import { permit, refuse } from './verdict.ts';

/** May this principal see sensitive values? Whoever the definition admits; one that does not compile, or cannot be computed, admits nobody. */
export function decideReadSensitive({ actor, readers }: Extract<AuthorityRequest, { action: 'sensitive:read' }>): Authority {
  if (!isMember(actor)) return refuse('forbidden');
  const outcome = compilePrincipalExpression('reader', readers, '');
  const isReader = 'expression' in outcome && admits(outcome.expression, 'reader', { id: actor.id, kind: actor.kind, roles: actor.roles });
  return isReader ? permit() : refuse('sensitive_property');
}
