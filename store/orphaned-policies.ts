import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { type PlannedFact, plannedFacts } from '../ontology/document-conditions.ts';
import { pointerTo } from '../ontology/json.ts';
import { lostInWords, lostNames } from '../ontology/lost-names.ts';
import type { Fault } from '../ontology/plan.ts';
import { runPolicyCases } from '../ontology/policy-cases.ts';
import type { PolicyVocabulary } from '../ontology/policy-engine.ts';
import { vocabularyOf } from './policy-facts.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { readPolicies, type StoredPolicies } from './read-policies.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface PolicyCheck {
  /** The version that was looked at. */
  version: number;
  faults: Fault[];
  /** What of a plan they go by that a document decides. */
  goneBy: PlannedFact[];
}

type Deps = Pick<StoreDeps, 'ontologies' | 'policies'>;

/**
 * Policies in force that do not fit another ontology: a name that is gone would leave a policy that forbids without effect, and nobody would be told. So would one that
 * has become sensitive, of which policies learn nothing. Their cases have to come out under it as they did. @throws PolicyEngineAway
 */
export async function findOrphanedPolicies(tx: Tx, ontology: CompiledOntology, deps: Deps): Promise<PolicyCheck> {
  const version = await policyVersionInForce(tx);
  if (version === 0) return { version, faults: [], goneBy: [] };
  const stored = (await readPolicies(tx, version, deps)) ?? { policies: {}, cases: [] };
  const current = await deps.ontologies.load(tx);
  const vocabularies = { before: vocabularyOf(current?.ontology ?? null), after: vocabularyOf(ontology) };
  return {
    version,
    goneBy: plannedFacts.filter((fact) => deps.policies.of.mayGoBy(stored.policies, fact)),
    faults: await findFaults(stored, vocabularies, deps),
  };
}

/** The pointers are into the policies, and not into the document that is refused. */
async function findFaults(
  stored: Pick<StoredPolicies, 'policies' | 'cases'>,
  vocabularies: { before: PolicyVocabulary; after: PolicyVocabulary },
  deps: Pick<Deps, 'policies'>,
): Promise<Fault[]> {
  const faults = await faultsUnder(stored, vocabularies, deps);
  return faults.map(({ code, pointer = '', message }) => ({ code, message: `${pointer.slice(1)}: ${message}` }));
}

/** What of policies and cases that fit one ontology does not fit another. @throws PolicyEngineAway */
export async function faultsUnder(
  { policies, cases }: Pick<StoredPolicies, 'policies' | 'cases'>,
  { before, after }: { before: PolicyVocabulary; after: PolicyVocabulary },
  { policies: { of } }: Pick<Deps, 'policies'>,
): Promise<Fault[]> {
  const orphaned = of.namesLost(policies, lostNames(before, after));
  if (orphaned.length > 0)
    return orphaned.map(({ policy, name }) => ({
      code: 'invalid_policies',
      pointer: pointerTo('/policies', policy),
      message: `${lostInWords(name)} is gone`,
    }));
  const unfit = await of.check(policies, after);
  if (unfit.length > 0) return unfit;
  return of.withEngine((engine) => runPolicyCases({ key: 'in force', policies }, cases, engine, after));
}
