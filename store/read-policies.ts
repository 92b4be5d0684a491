import { digestOf } from '../ontology/canonical-json.ts';
import type { PolicyCase } from '../ontology/policy-cases.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface PolicyVersion {
  /** 0 are the built-in policies. */
  version: number;
  digest: string;
  active: boolean;
  /** Null of the built-in ones. */
  createdBy: string | null;
  createdAt: string | null;
}

export interface StoredPolicies extends PolicyVersion {
  policies: Record<string, string>;
  cases: PolicyCase[];
}

const columns = `v.version::int AS version, v.digest, v.created_by AS "createdBy", ${isoTime('v.created_at')} AS "createdAt"`;

/** Those of a version, or those in force. Null where there is no such version. */
export async function readPolicies(sql: Sql, version: number | null, deps: Pick<StoreDeps, 'policies'>): Promise<StoredPolicies | null> {
  const inForce = await policyVersionInForce(sql);
  const wanted = version ?? inForce;
  if (wanted === 0) return { ...builtIn(inForce, deps), policies: { ...deps.policies.of.defaults.policies }, cases: [] };
  const [row] = await sql.rows<Omit<PolicyVersion, 'active'> & { policies: string; cases: string }>(
    `SELECT ${columns}, v.policies, v.cases FROM exequatur.policy_version v WHERE v.version = $1::bigint`,
    [wanted],
  );
  if (row === undefined) return null;
  const { policies, cases, ...fields } = row;
  return {
    ...fields,
    active: wanted === inForce,
    policies: JSON.parse(policies) as Record<string, string>,
    cases: JSON.parse(cases) as PolicyCase[],
  };
}

const mostVersions = 1_000; // An older one is read by its number.

/** Newest first; the built-in ones are last. */
export async function listPolicies(sql: Sql, deps: Pick<StoreDeps, 'policies'>): Promise<{ versions: PolicyVersion[] }> {
  const inForce = await policyVersionInForce(sql);
  const rows = await sql.rows<Omit<PolicyVersion, 'active'>>(
    `SELECT ${columns} FROM exequatur.policy_version v ORDER BY v.version DESC LIMIT ${mostVersions}`,
  );
  return { versions: [...rows.map((row) => ({ ...row, active: row.version === inForce })), builtIn(inForce, deps)] };
}

function builtIn(inForce: number, deps: Pick<StoreDeps, 'policies'>): PolicyVersion {
  const { policies } = deps.policies.of.defaults;
  return {
    version: 0,
    digest: digestOf({ policies: { ...policies }, cases: [] }),
    active: inForce === 0,
    createdBy: null,
    createdAt: null,
  };
}
