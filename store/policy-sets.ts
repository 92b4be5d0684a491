import { sha256Hex } from '../ontology/canonical-json.ts';
import { lookedUp, type Policies, type PolicyDecision, type PolicyRequest, type PolicySet } from '../ontology/policy-engine.ts';
import { RecentlyUsed } from '../ontology/recently-used.ts';
import type { Sql } from './sql.ts';

export interface LoadedPolicies {
  /** 0 for the built-in ones. */
  version: number;
  set: PolicySet;
  /** What of a plan they may go by, and is read for them. */
  goesBy: readonly (typeof lookedUp)[number][];
}

const maxKept = 100; // Sets in use at once over all tenants; one is at most a quarter of a megabyte.
const maxAnswers = 10_000; // Principals times what they do, of all tenants without policies of their own; an answer is some hundred bytes.

/** Policies by tenant and version. A version never changes, so what is kept is never stale; which is in force is asked each time. */
export class PolicySets {
  readonly of: Policies;
  private readonly kept = new RecentlyUsed<LoadedPolicies>(maxKept);
  private readonly answers = new Map<string, PolicyDecision>();

  constructor(policies: Policies) {
    this.of = policies;
  }

  /** Null where the tenant has no such version. */
  async load(sql: Sql, tenant: string, version: number): Promise<LoadedPolicies | null> {
    if (version === 0) return { version, set: this.of.defaults, goesBy: [] };
    const key = `${tenant}/${version}`;
    const known = this.kept.get(key);
    if (known !== undefined) return known;
    const [row] = await sql.rows<{ policies: string }>('SELECT v.policies FROM exequatur.policy_version v WHERE v.version = $1::bigint', [
      version,
    ]);
    if (row === undefined) return null;
    const policies = JSON.parse(row.policies) as Record<string, string>;
    const loaded = { version, set: { key, policies }, goesBy: lookedUp.filter((part) => this.of.mayGoBy(policies, part)) };
    this.kept.set(key, loaded);
    return loaded;
  }

  /**
   * What these policies answer. An answer depends on the texts and the question alone; the built-in ones are asked the same again and again, so theirs are kept. Others are
   * asked at an instant that does not come again.
   */
  async decide({ version, set }: LoadedPolicies, question: PolicyRequest): Promise<PolicyDecision> {
    if (version !== 0) return this.of.engine.decide(set, question);
    const key = sha256Hex(JSON.stringify(question)); // With many groups and teams the question itself is tens of kilobytes.
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = await this.of.engine.decide(set, question);
    if (answer.errors.length > 0) return answer; // An engine that failed may not fail again.
    const oldest = this.answers.keys().next();
    if (this.answers.size >= maxAnswers && !oldest.done) this.answers.delete(oldest.value);
    this.answers.set(key, answer);
    return answer;
  }
}

/** SQL for the version in force; 0 for the built-in ones. */
export const policyVersion = 'coalesce((SELECT c.policy_version FROM exequatur.tenant_control c)::int, 0)';

/** Which definitions and which policies are in force; null where the tenant has no definitions. */
export async function versionsInForce(sql: Sql): Promise<{ ontology: number | null; policies: number }> {
  const [row] = await sql.rows<{ ontology: number | null; policies: number }>(
    `SELECT (SELECT max(o.version) FROM exequatur.ontology_version o)::int AS ontology,
            ${policyVersion} AS policies`,
  );
  return row ?? { ontology: null, policies: 0 };
}

/** The version in force. In an execution it MUST be sent after the tenant's control row is locked. */
export async function policyVersionInForce(sql: Sql): Promise<number> {
  const [row] = await sql.rows<{ version: number }>(`SELECT ${policyVersion} AS version`);
  return row?.version ?? 0;
}
