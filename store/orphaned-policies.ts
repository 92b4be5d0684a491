import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { Fault } from '../ontology/plan.ts';
import { vocabularyOf } from './policy-facts.ts';
import { policyVersionInForce } from './policy-sets.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface PolicyCheck {
  /** The version that was looked at. */
  version: number;
  faults: Fault[];
}

/**
 * Policies in force that do not fit another ontology: a name that is gone would leave a policy that forbids without effect, and nobody would be told.
 */
export async function findOrphanedPolicies(tx: Tx, ontology: CompiledOntology, deps: Pick<StoreDeps, 'policies'>): Promise<PolicyCheck> {
  const version = await policyVersionInForce(tx);
  if (version === 0) return { version, faults: [] };
  const loaded = await deps.policies.load(tx, tx.tenant, version);
  const faults = await deps.policies.of.check(loaded?.set.policies ?? {}, vocabularyOf(ontology));
  // The pointers are into the policies, and not into the document that is refused.
  return { version, faults: faults.map(({ code, pointer = '', message }) => ({ code, message: `${pointer.slice(1)}: ${message}` })) };
}
