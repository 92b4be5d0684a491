import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { type PlannedFact, plannedFacts } from '../ontology/document-conditions.ts';
import type { Fault } from '../ontology/plan.ts';
import { vocabularyOf } from './policy-facts.ts';
import { policyVersionInForce } from './policy-sets.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface PolicyCheck {
  /** The version that was looked at. */
  version: number;
  faults: Fault[];
  /** What of a plan they go by that a document decides. */
  goneBy: PlannedFact[];
}

/**
 * Policies in force that do not fit another ontology: a name that is gone would leave a policy that forbids without effect, and nobody would be told.
 */
export async function findOrphanedPolicies(tx: Tx, ontology: CompiledOntology, deps: Pick<StoreDeps, 'policies'>): Promise<PolicyCheck> {
  const version = await policyVersionInForce(tx);
  if (version === 0) return { version, faults: [], goneBy: [] };
  const loaded = await deps.policies.load(tx, tx.tenant, version);
  const policies = loaded?.set.policies ?? {};
  const faults = await deps.policies.of.check(policies, vocabularyOf(ontology));
  const goneBy = plannedFacts.filter((fact) => deps.policies.of.mayGoBy(policies, fact));
  // The pointers are into the policies, and not into the document that is refused.
  return {
    version,
    goneBy,
    faults: faults.map(({ code, pointer = '', message }) => ({ code, message: `${pointer.slice(1)}: ${message}` })),
  };
}
