import type { Actor } from '../ontology/authority.ts';
import { pointerTo } from '../ontology/json.ts';
import { answered, type PolicyEngine, type PolicySet } from '../ontology/policy-engine.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import type { Sql } from './sql.ts';
import { actorJson } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** People asked about: of more than these some two are left, or the set is one for two people to look at. */
const mostAsked = 1_000;

/**
 * What of other policies would leave changing them to one person. That counts as loosening, although it permits nothing more: what nobody else can change is that person's.
 * Who may is asked of everybody with the role, once; so a policy that lets people change policies at some times only counts as well.
 */
export async function findLockout(
  tx: Sql,
  { before, after }: { before: PolicySet; after: PolicySet },
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<Loosening[]> {
  const { withEngine, boundInTime } = deps.policies.of;
  const changed = Object.entries(after.policies).filter(([name, text]) => before.policies[name] !== text);
  const bound = boundInTime(changed.map(([, text]) => text));
  const timely = changed.flatMap(([name], at) =>
    bound[at] ? [{ pointer: pointerTo('/policies', name), message: 'policies could be changed at some times and not at others' }] : [],
  );
  const administrators = await readAdministrators(tx, deps);
  const isTaken = await withEngine(async (engine) => {
    const left = await admitted(engine, after, administrators);
    if (left.size >= 2) return false;
    const had = await admitted(engine, before, administrators);
    return [...had].some((person) => !left.has(person));
  });
  return isTaken ? [...timely, { pointer: '/policies', message: 'fewer than two people could still change policies' }] : timely;
}

async function readAdministrators(tx: Sql, { decide }: Pick<StoreDeps, 'decide'>): Promise<Actor[]> {
  const rows = await tx.rows<{ actor: Actor }>(
    `SELECT ${actorJson('p')} AS actor FROM exequatur.principal p WHERE p.kind = 'user' AND NOT p.disabled
        AND EXISTS (SELECT FROM exequatur.standing_role s WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.id AND s.role = 'ontology-admin')
      ORDER BY p.id LIMIT ${mostAsked}`,
  );
  return rows.map(({ actor }) => actor).filter((actor) => decide({ action: 'policies:put', actor }).allowed);
}

/** The people whom a set lets change policies. */
async function admitted(engine: PolicyEngine, set: PolicySet, administrators: readonly Actor[]): Promise<Set<string>> {
  const people = new Set<string>();
  const context = { now: new Date().toISOString() };
  for (const principal of administrators) {
    const { decision } = answered(await engine.decide(set, { principal, action: 'administer', resource: 'policies', context }));
    if (decision === 'allow') people.add(principal.person);
  }
  return people;
}
