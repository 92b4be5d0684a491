import type { Actor } from '../ontology/authority.ts';
import { membersOf } from '../ontology/change-set.ts';
import type { PolicyAction, PolicyContext, PolicyDecision, PolicyPrincipal, PolicyRequest } from '../ontology/policy-engine.ts';
import { type LoadedPolicies, policyVersionInForce } from './policy-sets.ts';
import { isoTime } from './proposal-row.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What policies answered, and by which version of them: what is recorded of a decision. */
export interface Determination {
  allowed: boolean;
  version: number;
  policies: string[];
  errors: string[];
  /** The engine did not answer. */
  away?: true;
  /** Soft policies that forbade it, and that somebody who may has overridden. */
  overridden?: string[];
}

export interface PolicyQuestion {
  actor: PolicyPrincipal;
  action: PolicyAction;
  /** An action type's name, one of the settings, or the empty text for the tenant. */
  resource: string;
  /** What policies may go by. A function where it has to be read. The built-in policies ask nothing of it. */
  context: PolicyContext | ((loaded: LoadedPolicies) => Promise<PolicyContext>);
  /** Which is in force, where it was read along with other things: then asking costs no round trip of its own. */
  version?: number;
  /** Whether soft policies that forbid it do not count: without them all others must allow it. */
  overridesSoft?: boolean;
}

/** What is done with the tenant before one's eyes. An execution is the engine's, whoever proposed it. */
const asksForSight: readonly PolicyAction[] = ['propose', 'review', 'override', 'administer'];

/**
 * Asks the tenant's policies in force. They are asked in addition to the gate, which holds what no policy may loosen, so they can only tighten; a version that is not
 * there permits nothing. Whoever may not see the tenant does nothing there: nobody answers for what they cannot read.
 */
export async function askPolicies(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  { actor, action, resource, context, version: known, overridesSoft = false }: PolicyQuestion,
): Promise<Determination> {
  const version = known ?? (await policyVersionInForce(tx));
  const loaded = await deps.policies.load(tx, tx.tenant, version);
  if (loaded === null) return { allowed: false, version, policies: [], errors: ['the version in force is not there'] };
  const facts = version === 0 ? nothing : typeof context === 'function' ? await context(loaded) : context;
  const refusal = ({ policies, errors, away }: PolicyDecision): Determination => ({
    ...{ allowed: false, version, policies, errors },
    ...(away ? { away } : {}),
  });
  const sight = version === 0 ? null : sightAskedFirst({ principal: actor, action, context: facts });
  if (sight !== null) {
    const answer = await decide(deps, loaded, sight);
    if (answer.decision !== 'allow') return refusal(answer);
  }
  const found = new Set<string>();
  const overridden = new Set<string>();
  // Of a change set each action is asked for, and one that is refused is the answer.
  for (const member of membersOf(resource)) {
    const question = { principal: actor, action, resource: member, context: facts };
    const answer = await (overridesSoft ? decideWithoutSoft : decide)(deps, loaded, question);
    if (answer.decision !== 'allow') return refusal(answer);
    for (const policy of answer.policies) found.add(policy);
    for (const policy of answer.soft ?? []) overridden.add(policy);
  }
  const passed = overridden.size > 0 ? { overridden: [...overridden].sort() } : {};
  return { allowed: true, version, policies: [...found].sort(), errors: [], ...passed };
}

/** Whether the tenant is seen, where that is asked before the question itself. */
export function sightAskedFirst({ principal, action, context: { now } }: Omit<PolicyRequest, 'resource'>): PolicyRequest | null {
  return asksForSight.includes(action) ? { principal, action: 'see', resource: '', context: { now } } : null;
}

/** What two are allowed together, of whom the first is. */
export function bothOf(one: Determination, other: Determination): Determination {
  return other.allowed ? { ...one, policies: [...new Set([...one.policies, ...other.policies])].sort() } : other;
}

type Answer = PolicyDecision & { soft?: readonly string[] };

async function decide({ policies }: Pick<StoreDeps, 'policies'>, loaded: LoadedPolicies, question: PolicyRequest): Promise<Answer> {
  return policies.decide(loaded, question);
}

/** What the others say where all that forbid it are soft. One that cannot be computed is never passed over. */
async function decideWithoutSoft(deps: Pick<StoreDeps, 'policies'>, loaded: LoadedPolicies, question: PolicyRequest): Promise<Answer> {
  const answer = await decide(deps, loaded, question);
  if (answer.decision === 'allow' || answer.errors.length > 0 || answer.policies.length === 0) return answer;
  const { set } = loaded;
  const softOnes = new Set(deps.policies.of.softPolicies(set.policies));
  if (!answer.policies.every((id) => softOnes.has(id))) return answer;
  const others = Object.fromEntries(Object.entries(set.policies).filter(([id]) => !answer.policies.includes(id)));
  const rest = { key: JSON.stringify([set.key, 'without', answer.policies]), policies: others };
  const without = await deps.policies.of.engine.decide(rest, question);
  return without.decision === 'allow' ? { ...without, soft: answer.policies } : without;
}

const noTime = '1970-01-01T00:00:00.000Z';
const nothing: PolicyContext = { now: noTime };

/** For questions of which nothing is recorded: null where policies allow it. */
export async function forbiddenByPolicy(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  question: Omit<PolicyQuestion, 'context' | 'actor' | 'version'> & { actor: Actor },
): Promise<Refusal | null> {
  const context = async () => {
    const [row] = await tx.rows<{ now: string }>(`SELECT ${isoTime('exequatur.clock()')} AS now`);
    return { now: row?.now ?? noTime, revert: false };
  };
  const determination = await askPolicies(tx, deps, { ...question, context });
  return determination.allowed ? null : refuseByPolicy(determination);
}

/** Whether this principal may see anything of the tenant. The built-in policies say of reading what the gate has said already, so they are not asked on every read. */
export async function mayNotSee(tx: Tx, deps: Pick<StoreDeps, 'policies'>, actor: Actor): Promise<Refusal | null> {
  if ((await policyVersionInForce(tx)) === 0) return null;
  return forbiddenByPolicy(tx, deps, { actor, action: 'see', resource: '' });
}

/** Whoever is refused learns which policies did; their texts are read where policies are read. */
export function refuseByPolicy({ policies, errors }: Determination): Refusal {
  const message =
    policies.length === 0
      ? errors.length > 0
        ? 'the policies cannot be computed'
        : 'no policy permits this'
      : `${errors.length > 0 ? 'cannot be computed' : 'forbidden'} by ${policies.join(', ')}`;
  return refuse('policy_forbids', [{ code: 'policy_forbids', message }]);
}
