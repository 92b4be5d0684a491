import type { Actor } from '../ontology/authority.ts';
import type { Fault } from '../ontology/plan.ts';
import { type PolicyCase, runPolicyCases } from '../ontology/policy-cases.ts';
import type { PolicySet } from '../ontology/policy-engine.ts';
import { readMigrationWork } from './migration-work.ts';
import { readMigration, runningMigration } from './migrations.ts';
import { faultsUnder } from './orphaned-policies.ts';
import { vocabularyOf } from './policy-facts.ts';
import { mayReplacePolicies } from './policy-lockout.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What is wrong with policies or their cases under the ontology in force. A set that its own author could not replace is refused as well: nobody might. @throws PolicyEngineAway */
export async function findPolicyFaults(
  tx: Tx,
  { policies, cases }: { policies: Record<string, string>; cases: PolicyCase[] },
  author: Actor,
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
): Promise<Fault[]> {
  const vocabulary = vocabularyOf((await deps.ontologies.load(tx))?.ontology ?? null);
  const { check, withEngine } = deps.policies.of;
  const faults = await check(policies, vocabulary);
  if (faults.length > 0) return faults;
  const faultsLater = await findFaultsAfterMigration(tx, { policies, cases }, deps);
  if (faultsLater.length > 0) return faultsLater;
  const set: PolicySet = { key: 'sent', policies };
  return withEngine(async (engine) => {
    const isLockedOut = !(await mayReplacePolicies(engine, set, author));
    const faultsOfCases = await runPolicyCases(set, cases, engine, vocabulary);
    return isLockedOut ? [lockedOut, ...faultsOfCases] : faultsOfCases;
  });
}

/** While objects are migrated a document is in force that neither stays nor was there before: policies have to fit whichever is in force at the end. */
async function findFaultsAfterMigration(
  tx: Tx,
  sent: { policies: Record<string, string>; cases: PolicyCase[] },
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
): Promise<Fault[]> {
  const id = await runningMigration(tx);
  const migration = id === null ? null : await readMigration(tx, id);
  if (migration === null) return [];
  const { former, working, next } = await readMigrationWork(tx, migration, deps);
  for (const [ontology, when] of [
    [next, 'is done'],
    [former, 'fails or is cancelled'],
  ] as const) {
    const faults = await faultsUnder(sent, { before: vocabularyOf(working), after: vocabularyOf(ontology) }, deps);
    if (faults.length > 0) return faults.map((fault) => ({ ...fault, message: `once the running migration ${when}: ${fault.message}` }));
  }
  return [];
}

const lockedOut: Fault = {
  code: 'invalid_policies',
  pointer: '/policies',
  message: 'these policies would not let you replace them; permit action "see" on Tenant::"" and "administer" on Settings::"policies"',
};
