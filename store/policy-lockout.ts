import type { Actor } from '../ontology/authority.ts';
import { pointerTo } from '../ontology/json.ts';
import { answered, type PolicyEngine, type PolicyPrincipal, type PolicySet } from '../ontology/policy-engine.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import type { Sql } from './sql.ts';
import { actorJson } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** People asked about: of more than these some two are left, or the set is one for two people to look at. */
const mostAsked = 1_000;

/**
 * What of other policies would leave changing them, or what else people tighten by changing it, to one person. That counts as loosening, although it
 * permits nothing more: what nobody else can change is that person's. Who may is asked of everybody with the role, once; so a policy that lets people change policies at
 * some times only counts as well.
 */
export async function findLockout(
  tx: Sql,
  sets: { before: PolicySet; after: PolicySet },
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<Loosening[]> {
  const { withEngine, boundInTime } = deps.policies.of;
  const changed = Object.entries(sets.after.policies).filter(([name, text]) => sets.before.policies[name] !== text);
  const bound = boundInTime(changed.map(([, text]) => text));
  const found = changed.flatMap(([name], at) =>
    bound[at] ? [{ pointer: pointerTo('/policies', name), message: 'policies could be changed at some times and not at others' }] : [],
  );
  const administrators = (await readPeople(tx)).filter((actor) => deps.decide({ action: 'policies:put', actor }).allowed);
  return withEngine(async (engine) => {
    const isLeftToOne = async (may: Ask) => {
      const left = await admitted(engine, sets.after, administrators, may, enough);
      if (left.size >= enough) return false;
      const had = await admitted(engine, sets.before, administrators, may);
      return [...had].some((person) => !left.has(person));
    };
    const left: string[] = [];
    for (const setting of administered) if (await isLeftToOne(mayAdminister(setting))) left.push(setting);
    if (left.length > 0) found.push({ pointer: '/policies', message: `fewer than two people could still change ${left.join(', ')}` });
    return found;
  });
}

const enough = 2;
/** What one tightens by changing it. To stop anything else policies are not asked. */
const administered = ['policies', 'ontology', 'subscriptions'] as const;

async function readPeople(tx: Sql): Promise<Actor[]> {
  const rows = await tx.rows<{ actor: Actor }>(
    `SELECT ${actorJson('p')} AS actor FROM exequatur.principal p WHERE p.kind = 'user' AND NOT p.disabled
      ORDER BY NOT EXISTS (SELECT FROM exequatur.standing_role s WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.id AND s.role = 'ontology-admin'), p.id LIMIT ${mostAsked}`,
  );
  return rows.map(({ actor }) => actor);
}

type Ask = (engine: PolicyEngine, set: PolicySet, principal: PolicyPrincipal) => Promise<boolean>;

/** Whoever may not see the tenant does nothing there. @throws PolicyEngineAway */
const mayAdminister =
  (setting: (typeof administered)[number]): Ask =>
  async (engine, set, principal) => {
    if (!(await maySeeTenant(engine, set, principal))) return false;
    const { decision } = answered(await engine.decide(set, { principal, action: 'administer', resource: setting, context: present() }));
    return decision === 'allow';
  };

export const mayReplacePolicies = mayAdminister('policies');

const maySeeTenant: Ask = async (engine, set, principal) =>
  answered(await engine.decide(set, { principal, action: 'see', resource: '', context: present() })).decision === 'allow';

const present = () => ({ now: new Date().toISOString() });

/** The people whom a set admits; where `atMost` is given, some so many of them. */
async function admitted(engine: PolicyEngine, set: PolicySet, asked: readonly Actor[], may: Ask, atMost = Number.POSITIVE_INFINITY) {
  const people = new Set<string>();
  for (const actor of asked) {
    if (people.size >= atMost) break;
    if (await may(engine, set, actor)) people.add(actor.person);
  }
  return people;
}
