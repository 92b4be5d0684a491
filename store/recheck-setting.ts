import type { Actor } from '../ontology/authority.ts';
import { compileOntology } from '../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import { diffOntologies } from '../ontology/diff-ontology.ts';
import type { PlannedFact } from '../ontology/document-conditions.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { ontologyLoosenings } from '../ontology/ontology-loosens.ts';
import type { Fault } from '../ontology/plan.ts';
import type { Setting } from '../ontology/setting-actions.ts';
import type { DefinitionRows } from './definition-rows.ts';
import { findPolicyFaults } from './find-policy-faults.ts';
import { currentVersion } from './load-ontology.ts';
import { lookAtData, readDataMarks } from './look-at-data.ts';
import { notAllowed, questionOf } from './may-administer.ts';
import { findOrphanedPolicies } from './orphaned-policies.ts';
import { marksOf, superseded } from './plan-ontology-change.ts';
import { readPlannedEdit } from './plan-setting.ts';
import { policyVersionInForce } from './policy-sets.ts';
import type { LockedProposal } from './proposal-row.ts';
import { type NewDelegation, planDelegation } from './put-delegation.ts';
import { readPolicies } from './read-policies.ts';
import type { Sql, Tx } from './sql.ts';
import { readProposer } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/**
 * What no longer holds of an approved change of what governs, asked with the definitions held alone: nothing where all that it was planned against is as it was. That what
 * it replaces is still in force is the door's question.
 */
export async function recheckSetting(
  tx: Tx,
  setting: Setting,
  proposal: LockedProposal,
  planId: string,
  deps: StoreDeps,
): Promise<Fault[]> {
  const proposer = await readProposer(tx, proposal.id);
  if (proposer === null || !deps.decide(questionOf(setting, proposer)).allowed) return [notAllowed];
  switch (setting) {
    case 'ontology':
      return recheckDocument(tx, planId, deps);
    case 'policies':
      return recheckPolicies(tx, proposer, planId, deps);
    case 'delegations':
      return recheckDelegation(tx, planId);
    case 'principals':
    case 'switches':
    case 'subscriptions':
      return [];
  }
}

/** What time and the directory have made of it: one that is over before it is granted could not be kept. */
async function recheckDelegation(tx: Tx, planId: string): Promise<Fault[]> {
  const { id, set } = await readPlannedEdit(tx, planId);
  const planned = await planDelegation(tx, { ...set, id } as unknown as NewDelegation);
  return planned.kind === 'invalid' ? planned.faults : [];
}

async function recheckDocument(tx: Tx, planId: string, deps: Pick<StoreDeps, 'ontologies' | 'policies'>): Promise<Fault[]> {
  const { set } = await readPlannedEdit(tx, planId);
  const current = await deps.ontologies.load(tx);
  const { document } = set.definitions as unknown as DefinitionRows;
  const compiled = compileOntology(JSON.parse(document) as JsonValue, deps.ontologies.functions);
  if (!compiled.ok) return compiled.faults;
  const counters = await readCounters(tx, planId);
  if (counters.$policies !== (await policyVersionInForce(tx))) {
    const orphaned = await findOrphanedPolicies(tx, compiled.ontology, deps);
    if (orphaned.faults.length > 0) return orphaned.faults;
    if (current !== null && isLooserUnder(orphaned.goneBy, current.ontology, compiled.ontology, set)) return [superseded('policies')];
  }
  if (current === null || set.migration !== undefined) return []; // The end of a migration looks at everything again.
  const changes = diffOntologies(current.ontology, compiled.ontology);
  if ((await readDataMarks(tx, changes)) === marksOf(counters)) return [];
  return (await lookAtData(tx, current.ontology, compiled.ontology, changes)).faults;
}

/** Whether a document that only tightened loosens under policies that go by what it changes. */
function isLooserUnder(goneBy: readonly PlannedFact[], before: CompiledOntology, after: CompiledOntology, set: JsonObject): boolean {
  if (!Array.isArray(set.loosens) || set.loosens.length > 0) return false;
  return ontologyLoosenings(before.document, after.document, diffOntologies(before, after), goneBy).length > 0;
}

async function recheckPolicies(
  tx: Tx,
  proposer: Actor,
  planId: string,
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
): Promise<Fault[]> {
  if ((await readCounters(tx, planId)).$ontology === (await currentVersion(tx))) return [];
  const { set } = await readPlannedEdit(tx, planId);
  const stored = typeof set.version === 'number' ? await readPolicies(tx, set.version, deps) : null;
  if (stored?.version === 0) return [];
  const policies = stored?.policies ?? JSON.parse(String(set.policies));
  const cases = stored?.cases ?? JSON.parse(String(set.cases));
  return findPolicyFaults(tx, { policies, cases }, proposer, deps);
}

async function readCounters(tx: Sql, planId: string): Promise<Record<string, number>> {
  const [row] = await tx.rows<{ counters: Record<string, number> }>(
    'SELECT r.counters FROM exequatur.read_set r WHERE r.plan_id = $1::uuid ORDER BY r.simulation DESC LIMIT 1',
    [planId],
  );
  return row?.counters ?? {};
}
