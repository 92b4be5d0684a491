import type { Actor, Caller, DelegationParty } from '../ontology/authority.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { announceChange } from './announce-change.ts';
import { type DelegationView, readDelegation } from './delegations.ts';
import { refusalToAdminister } from './may-administer.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
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

/**
 * Lets another review on the caller's behalf. What was granted is never changed: it is revoked, and another granted. Takes nobody's lock but that of the id, since it
 * takes nothing away from what is being executed. The same again changes nothing.
 */
export async function putDelegation(
  tx: Tx,
  { by, delegator, ...rest }: Omit<NewDelegation, 'delegator'> & { delegator?: string; by: Caller },
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<DelegationView | Refusal> {
  const outcome = await put(tx, { ...rest, delegator: delegator ?? by.id }, by, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function put(
  tx: Tx,
  wish: NewDelegation,
  by: Caller,
  deps: Pick<StoreDeps, 'decide' | 'policies'>,
): Promise<DelegationView | Refusal> {
  const actor = await resolveActor(tx, by);
  const known = await readActors(tx, [wish.delegator, wish.delegate]);
  const delegator = known.get(wish.delegator) ?? unknownParty(wish.delegator);
  const refusal = await refusalToAdminister(tx, deps, { action: 'delegation:put', actor, delegator }, 'delegations');
  if (refusal !== null) return refusal;
  // Two who name the same id at once come one after another.
  await tx.rows(`SELECT pg_advisory_xact_lock(hashtextextended('delegation/' || current_setting('app.tenant') || '/' || $1::text, 0))`, [
    wish.id,
  ]);
  const before = await readDelegation(tx, wish.id);
  if (before !== null) return isSame(before, wish) && before.revokedAt === null ? before : refuse('delegation_exists');
  const faults = await faultsOfDelegation(tx, wish, known);
  return faults.length > 0 ? refuse('invalid_delegation', faults) : writeDelegation(tx, wish, actor);
}

/** Writes it, with its audit entry and event, and asks nothing: whoever calls it has. */
async function writeDelegation(tx: Tx, wish: NewDelegation, granter: Actor): Promise<DelegationView> {
  await tx.rows('SELECT 1 FROM exequatur.keep_delegation($1::jsonb, $2)', [JSON.stringify(wish), granter.id]);
  announceDelegation(tx, wish, granter, 'granted', wish.reason);
  const written = await readDelegation(tx, wish.id);
  if (written === null) throw new Error('a delegation was not written');
  return written;
}

export function announceDelegation(
  tx: Tx,
  { id, delegator, delegate }: Pick<DelegationView, 'id' | 'delegator' | 'delegate'>,
  actor: Actor,
  state: 'granted' | 'revoked',
  reason?: string,
): void {
  const personal = { actor: actor.id, delegation: id, delegator, delegate, reason };
  const data: JsonObject = { delegationId: id, state };
  announceChange(tx, { type: 'delegation.changed', subject: `delegation/${id}`, facts: { state }, personal, data });
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
async function faultsOfDelegation(tx: Tx, wish: NewDelegation, known: ReadonlyMap<string, Actor>): Promise<Fault[]> {
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
            ARRAY(SELECT n FROM unnest($1::text[]) n WHERE NOT EXISTS (SELECT FROM exequatur.action_type a WHERE a.name = n AND NOT a.retired)) AS missing`,
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
