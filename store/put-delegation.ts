import type { Actor, Caller, DelegationParty } from '../ontology/authority.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { announceDelegation } from './announce-delegation.ts';
import type { Proposed } from './create-proposal.ts';
import { type DelegationView, readDelegation } from './delegations.ts';
import { foundSetting } from './found-setting.ts';
import { currentVersion } from './load-ontology.ts';
import { refusalToAdminister } from './may-administer.ts';
import { superseded } from './plan-ontology-change.ts';
import { proposeSetting } from './propose-setting.ts';
import { isRefusal, type Refusal, refuse, refuseFaults } from './refusal.ts';
import type { PlannedSetting } from './setting-plan.ts';
import type { PrismaTx, Sql } from './sql.ts';
import { readActors, resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** What is granted. */
export interface NewDelegation {
  id: string;
  delegator: string;
  delegate: string;
  /** Absent: all. */
  actionTypes?: readonly string[];
  roles?: readonly string[];
  /** ISO; now, where it is left out. */
  startsAt?: string;
  endsAt: string;
  reason: string;
}

export interface DelegationOutcome {
  /** Null until the proposal is executed. */
  view: DelegationView | null;
  proposed: Proposed | null;
}

/**
 * Proposes to let another review on the caller's behalf, which takes a second person. What was granted is never changed: it is revoked, and another granted. The same
 * again changes nothing.
 */
export async function putDelegation(
  tx: PrismaTx,
  { by, delegator, ...rest }: Omit<NewDelegation, 'delegator'> & { delegator?: string; by: Caller },
  deps: StoreDeps,
): Promise<DelegationOutcome | Refusal> {
  const outcome = await put(tx, { ...rest, delegator: delegator ?? by.id }, by, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function put(tx: PrismaTx, wish: NewDelegation, by: Caller, deps: StoreDeps): Promise<DelegationOutcome | Refusal> {
  const actor = await resolveActor(tx, by);
  const known = await readActors(tx, [wish.delegator, wish.delegate]);
  const delegator = known.get(wish.delegator) ?? unknownParty(wish.delegator);
  const refusal = await refusalToAdminister(tx, deps, { action: 'delegation:put', actor, delegator }, 'delegations');
  if (refusal !== null) return refusal;
  const before = await readDelegation(tx, wish.id);
  if (before !== null)
    return isSame(before, wish) && before.revokedAt === null ? { view: before, proposed: null } : refuse('delegation_exists');
  const planned = await planDelegation(tx, wish);
  if (planned.kind === 'invalid') return refuseFaults(planned.faults, 'invalid_delegation');
  const { change } = planned;
  if ((await currentVersion(tx)) === null) {
    await foundSetting(tx, change, actor.id);
    announceDelegation(tx, wish, actor.id, 'granted', wish.reason);
    return { view: await readDelegation(tx, wish.id), proposed: null };
  }
  const proposed = await proposeSetting(
    tx,
    { actor, parameters: { ...wish } as unknown as JsonObject, justification: wish.reason, change },
    deps,
  );
  return isRefusal(proposed) ? proposed : { view: null, proposed };
}

/** What the proposal says is what is granted. */
export async function planDelegation(tx: Sql, wish: NewDelegation): Promise<PlannedSetting> {
  if ((await readDelegation(tx, wish.id)) !== null) return { kind: 'invalid', faults: [superseded('delegations')] };
  const faults = await faultsOfDelegation(tx, wish, await readActors(tx, [wish.delegator, wish.delegate]));
  if (faults.length > 0) return { kind: 'invalid', faults };
  const { id, ...set } = wish;
  const message = `${wish.delegate} may review on behalf of ${wish.delegator}`;
  const change = {
    setting: 'delegations' as const,
    id,
    before: {},
    set: { ...set } as unknown as JsonObject,
    loosens: [{ pointer: '/delegate', message }],
    revertible: false, // To revoke it takes one person and no plan.
    counters: {},
  };
  return { kind: 'planned', change };
}

export function unknownParty(id: string): DelegationParty {
  return { id, kind: 'user', disabled: true, person: id };
}

function isSame(before: DelegationView, wish: NewDelegation): boolean {
  const sorted = (names: readonly string[] | null | undefined) => JSON.stringify(names ? [...new Set(names)].sort() : null);
  return (
    before.delegator === wish.delegator &&
    before.delegate === wish.delegate &&
    sorted(before.actionTypes) === sorted(wish.actionTypes) &&
    sorted(before.roles) === sorted(wish.roles) &&
    (wish.startsAt === undefined || Date.parse(before.startsAt) === Date.parse(wish.startsAt)) &&
    Date.parse(before.endsAt) === Date.parse(wish.endsAt)
  );
}

const longestDays = 90; // The table checks the same.

/** Why it cannot be granted, whoever asks. `known` are the two as the directory has them. Names of roles are not asked: tenants make them up. */
async function faultsOfDelegation(tx: Sql, wish: NewDelegation, known: ReadonlyMap<string, Actor>): Promise<Fault[]> {
  const faults: Fault[] = [];
  const fault = (pointer: string, message: string) => faults.push({ code: 'invalid_delegation', pointer, message });
  for (const name of ['delegator', 'delegate'] as const) {
    const party = known.get(wish[name]);
    if (party === undefined) fault(`/${name}`, `the directory does not know ${wish[name]}`);
    else if (party.kind !== 'user') fault(`/${name}`, 'is not a person; only people review');
    else if (party.disabled) fault(`/${name}`, 'is disabled');
  }
  if (wish.delegator === wish.delegate || known.get(wish.delegator)?.person === known.get(wish.delegate)?.person)
    fault('/delegate', 'is the delegator, under whatever identity');
  const [row] = await tx.rows<{ now: number; missing: string[] }>(
    `SELECT (extract(epoch FROM exequatur.clock()) * 1000)::float8 AS now,
            ARRAY(SELECT n FROM unnest($1::text[]) n WHERE NOT EXISTS (SELECT FROM exequatur.action_type a WHERE a.name = n AND NOT a.retired AND NOT exequatur.governs(a.name))) AS missing`,
    [wish.actionTypes ?? []],
  );
  const now = row?.now ?? 0;
  const start = wish.startsAt === undefined ? now : Date.parse(wish.startsAt);
  const end = Date.parse(wish.endsAt);
  if (end <= Math.max(start, now)) fault('/endsAt', 'is not after its start, or is past');
  else if (end > start + longestDays * 86_400_000) fault('/endsAt', `is more than ${longestDays} days after its start`);
  for (const name of row?.missing ?? []) fault('/actionTypes', `there is no action type ${name}`);
  return faults;
}
