import type { Actor } from '../ontology/authority.ts';
import { canonicalText, digestOf } from '../ontology/canonical-json.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { pointerTo } from '../ontology/json.ts';
import type { PolicyCase } from '../ontology/policy-cases.ts';
import type { Policies, PolicyEffect } from '../ontology/policy-engine.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import { findPolicyFaults } from './find-policy-faults.ts';
import { currentVersion } from './load-ontology.ts';
import { superseded } from './plan-ontology-change.ts';
import { findLockout } from './policy-lockout.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { readPolicies } from './read-policies.ts';
import type { PlannedSetting, SettingChange } from './setting-plan.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

type Deps = Pick<StoreDeps, 'decide' | 'ontologies' | 'policies'>;

/** What the proposal says: policies with their cases, or a version that there is. `base` is the version that was in force when it was made. */
export type PolicyChangeParameters = { base: number } & (PolicyUpload | { version: number });

export interface PolicyUpload {
  policies: Record<string, string>;
  cases: PolicyCase[];
}

interface Known {
  version: number | null;
  digest: string;
  policies: Record<string, string>;
  cases: PolicyCase[];
}

/** They have to fit the ontology as it is now, and their cases to come out, whether they are new or were in force before. */
export async function planPolicyChange(tx: Tx, parameters: PolicyChangeParameters, proposer: Actor, deps: Deps): Promise<PlannedSetting> {
  const inForce = await policyVersionInForce(tx);
  if (inForce !== parameters.base) return { kind: 'invalid', faults: [superseded('policies')] };
  const wanted =
    'version' in parameters
      ? await readPolicies(tx, parameters.version, deps)
      : { version: null, digest: policyDigest(parameters), policies: parameters.policies, cases: parameters.cases };
  if (wanted === null)
    return { kind: 'invalid', faults: [{ code: 'not_found', pointer: '/version', message: 'there is no such version' }] };
  const faults = wanted.version === 0 ? [] : await findPolicyFaults(tx, wanted, proposer, deps);
  if (faults.length > 0) return { kind: 'invalid', faults };
  return { kind: 'planned', change: await policyChange(tx, { inForce, wanted }, deps) };
}

/** Back to the version before, where the one that was put in force then still is. */
export async function planPolicyRevert(
  tx: Tx,
  original: JsonObject,
  before: JsonObject,
  proposer: Actor,
  deps: Deps,
): Promise<PlannedSetting> {
  const base = await policyVersionInForce(tx);
  const inForce = await readPolicies(tx, base, deps);
  if (inForce?.digest !== original.digest) return { kind: 'invalid', faults: [superseded('policies')] };
  return planPolicyChange(tx, { base, version: Number(before.version) }, proposer, deps);
}

export function policyDigest({ policies, cases }: PolicyUpload): string {
  return digestOf({ policies, cases: cases as unknown as JsonValue });
}

async function policyChange(tx: Tx, { inForce, wanted }: { inForce: number; wanted: Known }, deps: Deps): Promise<SettingChange> {
  const before = await deps.policies.load(tx, tx.tenant, inForce);
  const ontology = await currentVersion(tx);
  const former = before?.set ?? { key: 'none', policies: {} };
  const changes = differences(former.policies, wanted.policies);
  return {
    setting: 'policies',
    id: 'policies',
    before: { version: inForce },
    set: {
      digest: wanted.digest,
      changes,
      ...(wanted.version === null
        ? { policies: canonicalText(wanted.policies), cases: canonicalText(wanted.cases as unknown as JsonValue) }
        : { version: wanted.version }),
    },
    // The built-in policies forbid nothing that the gate allows, so any others ask for no less; but they let everybody see everything.
    loosens: [
      ...(inForce === 0 ? [] : policyLoosenings(former.policies, wanted.policies, deps.policies.of)),
      ...casesGone((await readPolicies(tx, inForce, deps))?.cases ?? [], wanted.cases),
      ...hidingPolicies(former.policies, wanted.policies, deps.policies.of),
      ...(await findLockout(tx, { before: former, after: { key: wanted.digest, policies: wanted.policies } }, deps)),
    ],
    revertible: true,
    counters: { $ontology: ontology ?? 0, $policies: inForce },
  };
}

function differences(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): JsonObject[] {
  return names(before, after).flatMap((name) =>
    before[name] === after[name] ? [] : [{ policy: name, before: before[name] ?? null, after: after[name] ?? null }],
  );
}

/** Who does not see a proposal cannot reject it: what is hidden may happen, so to hide anything from anybody is no tightening. */
function hidingPolicies(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  { mayHide }: Pick<Policies, 'mayHide'>,
): Loosening[] {
  return mayHide(before, after).map((policy) => ({
    pointer: policy === null ? '/policies' : pointerTo('/policies', policy),
    message: 'proposals may be hidden from people who could reject them',
  }));
}

/** A case holds whoever changes policies later to what it expects. One that changed is gone as well. */
function casesGone(before: readonly PolicyCase[], after: readonly PolicyCase[]): Loosening[] {
  const textOf = (one: PolicyCase) => canonicalText(one as unknown as JsonValue);
  const kept = new Set(after.map(textOf));
  return before
    .filter((one) => !kept.has(textOf(one)))
    .map(({ name }) => ({ pointer: '/cases', message: `a case is gone that policies have to pass: ${name}` }));
}

/** Fewer permits and more prohibitions only tighten. Of a policy whose text changed nothing can be told, and one that could not be computed had denied. */
export function policyLoosenings(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  { effectsOf }: Pick<Policies, 'effectsOf'>,
): Loosening[] {
  const changed = names(before, after).filter((name) => before[name] !== after[name]);
  const effects = effectsOf(changed.map((name) => after[name] ?? before[name] ?? ''));
  return changed.flatMap((name, at) => {
    const message = wordsOf(before[name], after[name], effects[at] ?? null);
    return message === null ? [] : [{ pointer: pointerTo('/policies', name), message }];
  });
}

function wordsOf(before: string | undefined, after: string | undefined, does: PolicyEffect | null): string | null {
  if (before === undefined) return does?.effect === 'forbid' ? null : 'a policy that may permit more';
  if (after !== undefined) return 'the policy says something else';
  if (does?.effect !== 'permit') return 'a policy that may forbid is gone';
  return does.mayFail ? 'a policy is gone that denies where it cannot be computed' : null;
}

function names(before: object, after: object): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
}
