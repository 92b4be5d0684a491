import type { Actor, Caller } from '../ontology/authority.ts';
import { canonicalText, digestOf } from '../ontology/canonical-json.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { type PolicyCase, runPolicyCases } from '../ontology/policy-cases.ts';
import type { PolicySet } from '../ontology/policy-engine.ts';
import { currentVersion } from './load-ontology.ts';
import { refusalToAdminister } from './may-administer.ts';
import { vocabularyOf } from './policy-facts.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { putPoliciesInForce } from './put-policies-in-force.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { type Rehearsal, rehearsePolicies } from './rehearse-policies.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import { stopExecutions } from './stop-executions.ts';
import type { StoreDeps } from './store-deps.ts';

export interface PolicyUpload {
  policies: Record<string, string>;
  cases: PolicyCase[];
}

export interface PoliciesOutcome {
  /** The version of these policies, or the one that they would get. */
  version: number;
  digest: string;
  /** False when they are those in force: nothing was written. */
  changed: boolean;
  dryRun: boolean;
  /** What a dry run found of the newest proposals. */
  rehearsal: Rehearsal | null;
}

type Deps = Pick<StoreDeps, 'decide' | 'ontologies' | 'policies'>;

/** Puts other policies in force, for whoever may. A dry run says what would come of it and stores nothing. */
export async function putPolicies(
  tx: Tx,
  upload: PolicyUpload,
  by: Caller,
  deps: Deps,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<PoliciesOutcome | Refusal> {
  const actor = await resolveActor(tx, by);
  const refused = await refusalToAdminister(tx, deps, { action: 'policies:put', actor }, 'policies');
  const outcome = refused ?? (await acceptPolicies(tx, upload, actor, deps, { dryRun }));
  if (isRefusal(outcome) || dryRun) tx.undo();
  return outcome;
}

/**
 * Keeps the policies as the next version and puts them in force, in this transaction: all of them, or none with a pointer for each that is not valid and each case that
 * does not come out. Waits for executions that have begun, so the answer means: no later commit under the former ones.
 */
export async function acceptPolicies(
  tx: Tx,
  { policies, cases }: PolicyUpload,
  actor: Actor,
  deps: Pick<Deps, 'ontologies' | 'policies'>,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<PoliciesOutcome | Refusal> {
  const seen = await currentVersion(tx);
  const faults = await findFaults(tx, { policies, cases }, actor, deps);
  if (faults.length > 0) return refuse('invalid_policies', faults);
  if (!dryRun) await stopExecutions(tx);
  // Cases take a moment, for which nothing need wait unless the definitions changed meanwhile.
  const later = (await currentVersion(tx)) === seen ? [] : await findFaults(tx, { policies, cases }, actor, deps);
  if (later.length > 0) return refuse('invalid_policies', later);
  const digest = digestOf({ policies, cases: cases as unknown as JsonValue });
  const [row] = await tx.rows<{ next: number; digest: string | null }>(
    `SELECT (SELECT COALESCE(max(v.version), 0) + 1 FROM exequatur.policy_version v)::int AS next,
            (SELECT v.digest FROM exequatur.policy_version v JOIN exequatur.tenant_control c ON c.tenant_id = v.tenant_id AND c.policy_version = v.version) AS digest`,
  );
  const inForce = await policyVersionInForce(tx);
  if (row?.digest === digest)
    return { version: inForce, digest, changed: false, dryRun, rehearsal: dryRun ? { proposals: 0, differences: [] } : null };
  const version = row?.next ?? 1;
  if (dryRun) return { version, digest, changed: true, dryRun, rehearsal: await rehearse(tx, { key: digest, policies }, inForce, deps) };
  await tx.rows(
    `INSERT INTO exequatur.policy_version (tenant_id, version, policies, cases, digest, created_by, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::bigint, $2, $3, $4, $5, exequatur.clock())`,
    [version, canonicalText(policies), canonicalText(cases as unknown as JsonValue), digest, actor.id],
  );
  await putPoliciesInForce(tx, { version, digest }, actor.id);
  return { version, digest, changed: true, dryRun, rehearsal: null };
}

/** What is wrong with policies or their cases under the ontology in force. A set that its own author could not replace is refused as well: nobody might. */
export async function findFaults(
  tx: Tx,
  { policies, cases }: PolicyUpload,
  actor: Actor,
  deps: Pick<Deps, 'ontologies' | 'policies'>,
): Promise<Fault[]> {
  const vocabulary = vocabularyOf((await deps.ontologies.load(tx))?.ontology ?? null);
  const { check, openEngine } = deps.policies.of;
  const faults = check(policies, vocabulary);
  if (faults.length > 0) return faults;
  const engine = openEngine();
  const set: PolicySet = { key: 'sent', policies };
  const context = { now: new Date().toISOString() };
  const { decision } = await engine.decide(set, { principal: actor, action: 'administer', resource: 'policies', context });
  const faultsOfCases = await runPolicyCases(set, cases, engine, vocabulary);
  return decision === 'allow' ? faultsOfCases : [lockedOut, ...faultsOfCases];
}

const lockedOut: Fault = {
  code: 'invalid_policies',
  pointer: '/policies',
  message: 'these policies would not let you replace them; permit action "administer" on Settings::"policies"',
};

async function rehearse(tx: Tx, to: PolicySet, inForce: number, deps: Pick<Deps, 'ontologies' | 'policies'>): Promise<Rehearsal> {
  const from = await deps.policies.load(tx, tx.tenant, inForce);
  const { amounts } = vocabularyOf((await deps.ontologies.load(tx))?.ontology ?? null);
  return rehearsePolicies(tx, deps.policies.of.openEngine(), { from: from?.set ?? { key: 'none', policies: {} }, to, amounts });
}
