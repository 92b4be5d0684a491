import type { Caller } from '../ontology/authority.ts';
import { type Position, parsePosition } from '../ontology/cloud-event.ts';
import { equalJson } from '../ontology/equal-json.ts';
import { compileEventFilter, type EventFilter, filterLoosens } from '../ontology/event-filter.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import { announceSubscription } from './announce-subscription.ts';
import type { Proposed } from './create-proposal.ts';
import { foundSetting } from './found-setting.ts';
import { endpointOfSubscription, isSecretInUse, keepSecret, signing } from './kept-secrets.ts';
import { currentVersion } from './load-ontology.ts';
import { refusalToAdminister } from './may-administer.ts';
import { superseded } from './plan-ontology-change.ts';
import { proposeSetting } from './propose-setting.ts';
import { isKept, readPositionAt } from './read-events.ts';
import { isRefusal, type Refusal, refuse, refuseFaults } from './refusal.ts';
import type { SecretBox } from './secret-box.ts';
import type { PlannedSetting } from './setting-plan.ts';
import type { PrismaTx, Sql } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { readSubscription, readSubscriptionInForce, type SubscriptionInForce, type SubscriptionView } from './subscriptions.ts';

/** What is to be in force, whole. */
export interface SubscriptionWish {
  name: string;
  url: string;
  filter: EventFilter;
  description?: string;
  enabled: boolean;
  /** Where a new one begins: `now`, `beginning`, a time or a sequence. One that is there goes on where it is. */
  from: string;
}

/** What the proposal says. `base` tells what its author had before them: when it was changed, or given up, last. */
export interface NewSubscription extends SubscriptionWish {
  base: { changedAt: string; disabledAt: string | null } | null;
}

export interface SubscriptionOutcome {
  /** As it is now; null until the proposal is executed that makes it. */
  view: SubscriptionView | null;
  proposed: Proposed | null;
  loosens: Loosening[];
  /** What signs, where it was made here: told now and never again. */
  secret: string | null;
}

const mostSubscriptions = 100; // Each new entry of the tenant's log is looked at once for each of them.

/**
 * Proposes what a subscription is to be. Events leave the house through it, so whatever lets more of them go, or elsewhere, takes a second person; less is in force by
 * itself. What is so already changes nothing, unless the relay had given it up: then it goes on.
 */
export async function putSubscription(
  tx: PrismaTx,
  { by, ...wish }: SubscriptionWish & { by: Caller },
  box: SecretBox,
  deps: StoreDeps,
): Promise<SubscriptionOutcome | Refusal> {
  const outcome = await put(tx, wish, by, box, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function put(
  tx: PrismaTx,
  wish: SubscriptionWish,
  by: Caller,
  box: SecretBox,
  deps: StoreDeps,
): Promise<SubscriptionOutcome | Refusal> {
  const actor = await resolveActor(tx, by);
  const refusal = await refusalToAdminister(tx, deps, { action: 'ontology:put', actor }, 'subscriptions');
  if (refusal !== null) return refusal;
  const before = await readSubscriptionInForce(tx, wish.name);
  const view = before === null ? null : await readSubscription(tx, wish.name);
  if (before !== null && isSame(before, wish)) return { view, proposed: null, loosens: [], secret: null };
  if (before === null && (await hasMost(tx))) return refuse('too_many_subscriptions');
  const parameters: NewSubscription = { ...wish, base: before === null ? null : baseOf(before) };
  const planned = await planSubscription(tx, parameters);
  if (planned.kind === 'invalid') return refuseFaults(planned.faults, 'setting_changed');
  const secret = await secretOf(tx, wish.name, actor.id, box);
  if (isRefusal(secret)) return secret;
  const { change } = planned;
  if ((await currentVersion(tx)) === null) {
    await foundSetting(tx, change, actor.id);
    announceSubscription(tx, { name: wish.name, change: 'set', actor: actor.id, url: wish.url });
    return { view: await readSubscription(tx, wish.name), proposed: null, loosens: [], ...secret };
  }
  const justification = wish.description ?? `subscription ${wish.name}`;
  const proposed = await proposeSetting(tx, { actor, parameters: parameters as unknown as JsonObject, justification, change }, deps);
  return isRefusal(proposed) ? proposed : { view, proposed, loosens: change.loosens, ...secret };
}

/** Works the change out against what is in force. */
export async function planSubscription(tx: Sql, { base, name, ...wish }: NewSubscription): Promise<PlannedSetting> {
  const compiled = compileEventFilter(wish.filter);
  if ('fault' in compiled) return { kind: 'invalid', faults: [compiled.fault] };
  const before = await readSubscriptionInForce(tx, name);
  if (!equalJson(before === null ? null : baseOf(before), base)) return { kind: 'invalid', faults: [superseded('subscriptions')] };
  if (!(await goesOnWithWhatIsKept(tx, name, wish))) return { kind: 'invalid', faults: [notKept] };
  const { url, filter, description, enabled } = before ?? {};
  return {
    kind: 'planned',
    change: {
      setting: 'subscriptions',
      id: name,
      before: before === null ? {} : ({ ...base, url, filter, description, enabled } as unknown as JsonObject),
      set: wish as unknown as JsonObject,
      loosens: before === null ? [{ pointer: '/url', message: `events go to ${wish.url}` }] : loosensOf(before, wish),
      revertible: false, // To stop it takes one person; to let it go as far as before is looked at anew.
      counters: {},
    },
  };
}

const notKept: Fault = { code: 'events_not_kept', pointer: '/from', message: 'events from then on are not kept any more' };

/** A new one may name a time or an event; one that is there goes on where it stood, which may be long ago if it was off. */
async function goesOnWithWhatIsKept(tx: Sql, name: string, { from, enabled }: Omit<SubscriptionWish, 'name'>): Promise<boolean> {
  const [lane] = await tx.rows<Position & { tenant: string }>(
    `SELECT l.tenant_id AS tenant, l.seq::float8 AS seq, l.ordinal FROM exequatur.subscription s JOIN exequatur.event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text
      WHERE s.name = $1`,
    [name],
  );
  if (lane !== undefined) return !enabled || isKept(tx, lane.tenant, lane);
  if (from === 'now' || from === 'beginning') return true;
  const [{ tenant } = { tenant: '' }] = await tx.rows<{ tenant: string }>("SELECT current_setting('app.tenant') AS tenant");
  return isKept(tx, tenant, parsePosition(from) ?? (await readPositionAt(tx, tenant, from)));
}

function baseOf({ changedAt, disabledAt }: SubscriptionInForce): NonNullable<NewSubscription['base']> {
  return { changedAt, disabledAt };
}

/** What the relay gave up goes on as it was approved: nobody had said no to that. */
function loosensOf(before: SubscriptionInForce, after: Omit<SubscriptionWish, 'name'>): Loosening[] {
  return [
    ...(before.enabled || !after.enabled ? [] : [{ pointer: '/enabled', message: 'events go on' }]),
    ...(before.url === after.url ? [] : [{ pointer: '/url', message: `events go to ${after.url}` }]),
    ...filterLoosens(before.filter, after.filter),
  ];
}

function isSame(before: SubscriptionInForce, { url, filter, description, enabled }: SubscriptionWish): boolean {
  const known = [before.url, before.filter, before.description, before.enabled] as unknown as JsonValue;
  return before.disabledAt === null && equalJson(known, [url, filter, description ?? null, enabled] as unknown as JsonValue);
}

async function hasMost(tx: Sql): Promise<boolean> {
  const [row] = await tx.rows<{ full: boolean }>(`SELECT count(*) >= ${mostSubscriptions} AS full FROM exequatur.subscription s`);
  return row?.full === true;
}

/** Nothing is sent unsigned, so there is a secret before there is anything to sign. */
async function secretOf(tx: PrismaTx, name: string, by: string, box: SecretBox): Promise<{ secret: string | null } | Refusal> {
  const endpoint = endpointOfSubscription(name);
  const [known] = await tx.rows(
    `SELECT 1 AS one FROM exequatur.endpoint_secret s WHERE s.endpoint = $1 AND s.name = $2 AND ${isSecretInUse('s')} LIMIT 1`,
    [endpoint, signing],
  );
  if (known !== undefined) return { secret: null };
  const kept = await keepSecret(tx, { endpoint, name: signing }, by, box);
  return isRefusal(kept) ? kept : { secret: kept.value };
}
