import type { Actor, Caller } from '../ontology/authority.ts';
import type { JsonObject } from '../ontology/json.ts';
import { lookedUp } from '../ontology/policy-engine.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import { announcePolicyVersion, nextPolicyVersion } from './announce-setting.ts';
import { foundSetting } from './found-setting.ts';
import { currentVersion } from './load-ontology.ts';
import { refusalToAdminister } from './may-administer.ts';
import { type PolicyChangeParameters, type PolicyUpload, planPolicyChange, policyDigest } from './plan-policy-change.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { proposeSetting } from './propose-setting.ts';
import { readPolicies } from './read-policies.ts';
import { isRefusal, type Refusal, refuse, refuseFaults } from './refusal.ts';
import { type Rehearsal, rehearsePolicies } from './rehearse-policies.ts';
import { type Sight, sightOf } from './see-proposal.ts';
import type { SettingChange } from './setting-plan.ts';
import type { PrismaTx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface PoliciesOutcome {
  /** The version of these policies, or the one that they would get. */
  version: number;
  digest: string;
  /** False when they are those in force: nothing was written. */
  changed: boolean;
  dryRun: boolean;
  /** What may permit more than before; where there is any, another person has to approve. */
  loosens: Loosening[];
  /** What a dry run found of the newest proposals. */
  rehearsal: Rehearsal | null;
  /** The proposal that puts them in force. Null in a dry run, before the tenant has a document, and where nothing changes. */
  proposalId: string | null;
}

export interface PolicyWishes {
  /** Says what would come of it and stores nothing. */
  dryRun?: boolean;
  /** Why, for whoever approves. */
  justification?: string;
}

/** Proposes other policies, for whoever may. Before the tenant has a document they are in force at once. */
export async function putPolicies(
  tx: PrismaTx,
  upload: PolicyUpload,
  by: Caller,
  deps: StoreDeps,
  wishes: PolicyWishes = {},
): Promise<PoliciesOutcome | Refusal> {
  const outcome = await accept(tx, upload, by, deps, wishes);
  if (isRefusal(outcome) || outcome.dryRun) tx.undo();
  return outcome;
}

/** Proposes a version that there is. A repeat changes nothing. */
export async function activatePolicies(
  tx: PrismaTx,
  version: number,
  by: Caller,
  deps: StoreDeps,
  wishes: Pick<PolicyWishes, 'justification'> = {},
): Promise<PoliciesOutcome | Refusal> {
  const outcome = (await readPolicies(tx, version, deps)) === null ? refuse('not_found') : await accept(tx, { version }, by, deps, wishes);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function accept(
  tx: PrismaTx,
  wanted: PolicyUpload | { version: number },
  by: Caller,
  deps: StoreDeps,
  { dryRun = false, justification = 'Other policies' }: PolicyWishes,
): Promise<PoliciesOutcome | Refusal> {
  const actor = await resolveActor(tx, by);
  const refused = await refusalToAdminister(tx, deps, { action: 'policies:put', actor }, 'policies');
  if (refused !== null) return refused;
  const base = await policyVersionInForce(tx);
  const parameters: PolicyChangeParameters = { base, ...wanted };
  const planned = await planPolicyChange(tx, parameters, actor, deps);
  if (planned.kind === 'invalid') return refuseFaults(planned.faults, 'invalid_policies');
  const { change } = planned;
  const inForce = await readPolicies(tx, base, deps);
  const digest = String(change.set.digest);
  if ('version' in wanted ? wanted.version === base : digest === inForce?.digest && base !== 0) {
    const rehearsal = dryRun ? { proposals: 0, differences: [], fates: [], summary: 'These policies are in force.' } : null;
    return { version: base, digest, changed: false, dryRun, loosens: [], rehearsal, proposalId: null };
  }
  const version = 'version' in wanted ? wanted.version : await nextPolicyVersion(tx);
  const described = { version, digest, changed: true, dryRun, loosens: change.loosens, rehearsal: null, proposalId: null };
  if (dryRun) return { ...described, rehearsal: await rehearse(tx, wanted, { base, sees: await sightOf(tx, deps, actor) }, deps) };
  if ((await currentVersion(tx)) === null) return { ...described, version: await acceptAtOnce(tx, change, actor) };
  const wish = { actor, parameters: parameters as unknown as JsonObject, justification, change };
  const proposed = await proposeSetting(tx, wish, deps);
  return isRefusal(proposed) ? proposed : { ...described, proposalId: proposed.proposalId };
}

async function acceptAtOnce(tx: PrismaTx, { id, before, set }: SettingChange, actor: Actor): Promise<number> {
  const version = await foundSetting(tx, { setting: 'policies', id, before, set }, actor.id);
  announcePolicyVersion(tx, { version, digest: String(set.digest) }, actor.id);
  return version;
}

async function rehearse(
  tx: PrismaTx,
  wanted: PolicyUpload | { version: number },
  { base, sees }: { base: number; sees: Sight | null },
  deps: StoreDeps,
): Promise<Rehearsal> {
  const from = await deps.policies.load(tx, tx.tenant, base);
  const policies = 'version' in wanted ? {} : wanted.policies;
  const to = { key: 'version' in wanted ? 'none' : policyDigest(wanted), policies };
  const loaded = await deps.ontologies.load(tx);
  const goesBy = lookedUp.filter((part) => from?.goesBy.includes(part) || deps.policies.of.mayGoBy(policies, part));
  const sets = { from: from?.set ?? { key: 'none', policies: {} }, to, goesBy, ontology: loaded?.ontology ?? null, sees };
  return deps.policies.of.withEngine((engine) => rehearsePolicies(tx, engine, sets));
}
