import type { PolicyRequest } from '../ontology/policy-engine.ts';

/** A question as Rego policies see it: as the port has it, and all edits together under the name that they have in Cedar. */
export function regoInput(request: PolicyRequest): object {
  const { plan } = request.context;
  if (plan === undefined) return request;
  const total = Object.values(plan.edits).reduce((sum, count) => sum + count, 0);
  return { ...request, context: { ...request.context, plan: { ...plan, edits: { ...plan.edits, total } } } };
}
