import type { Actor, Caller } from '../ontology/authority.ts';
import { durationMs } from '../ontology/duration.ts';
import { announceSubscription } from './announce-subscription.ts';
import { endpointOfSubscription, keepSecret, retireSecrets, type SecretView, signing } from './kept-secrets.ts';
import { refusalToAdminister } from './may-administer.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { SecretBox } from './secret-box.ts';
import type { Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { readSubscription, type SubscriptionView } from './subscriptions.ts';

export type AdministerDeps = Pick<StoreDeps, 'decide' | 'policies'>;

interface Request {
  name: string;
  by: Caller;
}

/** Removes a subscription with its position and its dead letters: from the commit on nothing more is sent than what is on its way. One person does it. */
export async function removeSubscription(tx: Tx, { name, by }: Request, deps: AdministerDeps): Promise<SubscriptionView | Refusal> {
  const actor = await mayAdminister(tx, by, deps);
  if (isRefusal(actor)) return actor;
  const view = await readSubscription(tx, name);
  const [row] = await tx.rows<{ removed: boolean }>('SELECT exequatur.remove_subscription($1) AS removed', [name]);
  if (view === null || row?.removed !== true) return refuse('not_found');
  await retireSecrets(tx, endpointOfSubscription(name), signing, 0);
  announceSubscription(tx, { name, change: 'removed', actor: actor.id });
  return view;
}

/** Begins again at a position, back to where the subscription began and no further: beyond that nobody has let events go there. */
export async function replaySubscription(
  tx: Tx,
  { name, from, by }: Request & { from: string },
  deps: AdministerDeps,
): Promise<SubscriptionView | Refusal> {
  const actor = await mayAdminister(tx, by, deps);
  if (isRefusal(actor)) return actor;
  const [row] = await tx.rows<{ outcome: 'replayed' | 'too_early' | 'not_kept' | null }>(
    'SELECT exequatur.replay_subscription($1, $2) AS outcome',
    [name, from],
  );
  if (row?.outcome === 'too_early') return refuse('replay_too_early');
  if (row?.outcome === 'not_kept') return refuse('events_not_kept');
  if (row?.outcome !== 'replayed') return refuse('not_found');
  announceSubscription(tx, { name, change: 'replayed', actor: actor.id, from });
  return (await readSubscription(tx, name)) ?? refuse('not_found');
}

export interface NewSubscriptionSecret extends Request {
  /** Made here where it is left out. */
  value?: string;
  /** ISO 8601 duration: how long the one before signs beside it. */
  overlap?: string;
}

/** Another secret for a subscription. Answers its value where it was made here, which nobody is told again. */
export async function rotateSubscriptionSecret(
  tx: Tx,
  { name, by, value, overlap }: NewSubscriptionSecret,
  box: SecretBox,
  deps: AdministerDeps,
): Promise<{ secret: SecretView; value: string | null } | Refusal> {
  const actor = await mayAdminister(tx, by, deps);
  if (isRefusal(actor)) return actor;
  if ((await readSubscription(tx, name)) === null) return refuse('not_found');
  const wish = {
    endpoint: endpointOfSubscription(name),
    name: signing,
    ...(value === undefined ? {} : { value }),
    ...(overlap === undefined ? {} : { overlapMs: durationMs(overlap) }),
  };
  const kept = await keepSecret(tx, wish, actor.id, box);
  if (!isRefusal(kept)) announceSubscription(tx, { name, change: 'secret_set', actor: actor.id });
  return kept;
}

export async function mayAdminister(tx: Tx, by: Caller, deps: AdministerDeps): Promise<Actor | Refusal> {
  const actor = await resolveActor(tx, by);
  return (await refusalToAdminister(tx, deps, { action: 'ontology:put', actor }, 'subscriptions')) ?? actor;
}
