import type { Decide } from '../ontology/authority.ts';
import type { OntologyCache } from './load-ontology.ts';
import type { PolicySets } from './policy-sets.ts';

/** What store functions need from the process they run in. The gate comes from outside, since the store sits below policy. */
export interface StoreDeps {
  decide: Decide;
  ontologies: OntologyCache;
  policies: PolicySets;
}
