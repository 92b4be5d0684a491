import type { Caller } from '../ontology/authority.ts';
import { currentVersion } from './load-ontology.ts';
import { refusalToAdminister } from './may-administer.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { findFaults } from './put-policies.ts';
import { putPoliciesInForce } from './put-policies-in-force.ts';
import { readPolicies } from './read-policies.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import { stopExecutions } from './stop-executions.ts';
import type { StoreDeps } from './store-deps.ts';

export interface Activation {
  version: number;
  digest: string;
  changed: boolean;
}

/**
 * Puts a version that there is in force again, in one step. It has to fit the ontology as it is now, and its cases have to come out, as if it were sent. A repeat
 * changes nothing.
 */
export async function activatePolicies(
  tx: Tx,
  version: number,
  by: Caller,
  deps: Pick<StoreDeps, 'decide' | 'ontologies' | 'policies'>,
): Promise<Activation | Refusal> {
  const outcome = await goBack(tx, version, by, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function goBack(
  tx: Tx,
  version: number,
  by: Caller,
  deps: Pick<StoreDeps, 'decide' | 'ontologies' | 'policies'>,
): Promise<Activation | Refusal> {
  const actor = await resolveActor(tx, by);
  const refused = await refusalToAdminister(tx, deps, { action: 'policies:put', actor }, 'policies');
  if (refused !== null) return refused;
  const stored = await readPolicies(tx, version, deps);
  if (stored === null) return refuse('not_found');
  const check = () => (version === 0 ? [] : findFaults(tx, stored, actor, deps));
  const seen = await currentVersion(tx);
  const faults = await check();
  if (faults.length > 0) return refuse('invalid_policies', faults);
  await stopExecutions(tx);
  // A check takes a moment, for which nothing need wait unless the definitions changed meanwhile.
  const later = (await currentVersion(tx)) === seen ? [] : await check();
  if (later.length > 0) return refuse('invalid_policies', later);
  const { digest } = stored;
  if ((await policyVersionInForce(tx)) === version) return { version, digest, changed: false };
  await putPoliciesInForce(tx, { version, digest }, actor.id);
  return { version, digest, changed: true };
}
