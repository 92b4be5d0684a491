import type pg from 'pg';
import { auditEntry } from '../audit/entry.ts';
import type { CloudEvent, Position } from '../ontology/cloud-event.ts';
import type { EventFilter } from '../ontology/event-filter.ts';
import type { Claim } from './event-lanes.ts';
import { endpointOfSubscription, placeOfSecret, signing } from './kept-secrets.ts';
import { isoTime } from './proposal-row.ts';
import type { SecretBox } from './secret-box.ts';
import type { AttemptOutcome } from './webhook-requests.ts';

/** What the relay does over all tenants for subscriptions, through functions that the database keeps for its login. */
export interface WebhookLane {
  tenant: string;
  /** The subscription's id. */
  sink: string;
  /** Of this claim alone: whoever claims the lane next has another, also within one process. */
  claimant: string;
  position: Position;
  name: string;
  url: string;
  filter: EventFilter;
  /** Of the next event: how often it was tried in vain, and for how long; null where it was not. */
  attempts: number;
  triedMs: number | null;
  /** For how long nothing was delivered at all. */
  failingMs: number | null;
}

export async function claimWebhookLanes(
  pool: pg.Pool,
  { claimant, limit, perTenant, leaseMs }: { claimant: string; limit: number; perTenant: number; leaseMs: number },
): Promise<WebhookLane[]> {
  const { rows } = await pool.query<Omit<WebhookLane, 'position' | 'claimant'> & Position>({
    name: 'claim_webhook_lanes',
    text: `SELECT l.tenant_id AS tenant, l.sink, l.seq::float8 AS seq, l.ordinal, l.name, l.url, l.filter, l.attempts, l.tried_ms AS "triedMs", l.failing_ms AS "failingMs"
             FROM exequatur.claim_webhook_lanes($1::uuid, $2::int, $3::int, make_interval(secs => $4::float8 / 1000)) l`,
    values: [claimant, limit, perTenant, leaseMs],
  });
  return rows.map(({ seq, ordinal, ...lane }) => ({ ...lane, claimant, position: { seq, ordinal } }));
}

/** An event was taken. */
export function markDelivered(pool: pg.Pool, claim: Claim, to: Position, leaseMs: number): Promise<boolean> {
  return step(pool, 'mark_delivered', '$4::bigint, $5::int, make_interval(secs => $6::float8 / 1000)', claim, [
    to.seq,
    to.ordinal,
    leaseMs,
  ]);
}

export interface DeliveryFault {
  code: string;
  message: string;
}

/** The next event was not taken, and is tried again after a pause; what the receiver is not to blame for does not count. Gives the claim up. */
export function failDelivery(
  pool: pg.Pool,
  claim: Claim,
  { code, message, ours = false }: DeliveryFault & { ours?: boolean },
  pauseMs: number,
): Promise<boolean> {
  return step(pool, 'fail_delivery', '$4, $5, make_interval(secs => $6::float8 / 1000), $7::boolean', claim, [
    code,
    message,
    pauseMs,
    !ours,
  ]);
}

/** Makes a dead letter of an event, and moves the lane on behind it. Gives the claim up. */
export function buryEvent(
  pool: pg.Pool,
  claim: Claim,
  to: Position,
  { id, type, subject }: CloudEvent,
  { code, message }: DeliveryFault,
): Promise<boolean> {
  const event = JSON.stringify({ id, type, subject });
  return step(pool, 'bury_event', '$4::bigint, $5::int, $6::jsonb, $7, $8', claim, [to.seq, to.ordinal, event, code, message]);
}

/** Makes a dead letter of an event that cannot be read, for which the endpoint is not to blame, and moves the lane on behind it. */
export function buryUnreadable(
  pool: pg.Pool,
  claim: Claim,
  to: Position,
  { id, type, subject }: CloudEvent,
  { message, leaseMs }: { message: string; leaseMs: number },
): Promise<boolean> {
  const event = JSON.stringify({ id, type, subject });
  return step(pool, 'bury_unreadable', '$4::bigint, $5::int, $6::jsonb, $7, make_interval(secs => $8::float8 / 1000)', claim, [
    to.seq,
    to.ordinal,
    event,
    message,
    leaseMs,
  ]);
}

/** Its endpoint is gone; nothing could be delivered for days; or its filter is none any more. */
export type DisabledReason = 'gone' | 'failing' | 'filter';

/** Gives a subscription up, and tells so. Gives the claim up. */
export function disableSubscription(
  pool: pg.Pool,
  claim: Claim & Pick<WebhookLane, 'name'>,
  reason: DisabledReason,
  { code, message }: DeliveryFault,
): Promise<boolean> {
  const entry = auditEntry({ type: 'subscription.disabled', facts: { name: claim.name, reason } });
  return step(pool, 'disable_subscription', '$4, $5, $6, $7::jsonb', claim, [reason, code, message, JSON.stringify([entry])]);
}

async function step(
  pool: pg.Pool,
  name: string,
  parameters: string,
  { tenant, sink, claimant }: Claim,
  values: unknown[],
): Promise<boolean> {
  const { rows } = await pool.query<{ held: boolean }>({
    name,
    text: `SELECT exequatur.${name}($1::uuid, $2, $3::uuid, ${parameters}) AS held`,
    values: [tenant, sink, claimant, ...values],
  });
  return rows[0]?.held === true;
}

/** What signs, newest first; null where there is nothing, or something that no key opens: nothing is sent then. */
export async function readWebhookSecrets(
  pool: pg.Pool,
  { tenant, name }: { tenant: string; name: string },
  box: SecretBox,
): Promise<string[] | null> {
  const { rows } = await pool.query<{ sealed: Buffer }>({
    name: 'webhook_secrets',
    text: 'SELECT s AS sealed FROM exequatur.webhook_secrets($1::uuid, $2) s',
    values: [tenant, name],
  });
  const opened = rows.flatMap(({ sealed }) => box.open(sealed, placeOfSecret(tenant, endpointOfSubscription(name), signing)) ?? []);
  return opened.length > 0 && opened.length === rows.length ? opened : null;
}

/** A test, or a dead letter again. */
export interface WebhookRequest {
  tenant: string;
  id: string;
  name: string;
  url: string;
  filter: EventFilter;
  /** The dead letter, where it is and which event it was; null of a test. */
  letter: { seq: number; ordinal: number; eventId: string } | null;
  askedAt: string;
}

export async function claimWebhookRequests(
  pool: pg.Pool,
  { limit, perTenant, leaseMs }: { limit: number; perTenant: number; leaseMs: number },
): Promise<WebhookRequest[]> {
  const { rows } = await pool.query<WebhookRequest>({
    name: 'claim_webhook_requests',
    text: `SELECT r.tenant_id AS tenant, r.id, r.name, r.url, r.filter, ${isoTime('r.asked_at')} AS "askedAt",
                  CASE WHEN r.event_id IS NOT NULL THEN jsonb_build_object('seq', r.seq, 'ordinal', r.ordinal, 'eventId', r.event_id) END AS letter
             FROM exequatur.claim_webhook_requests($1::int, $2::int, make_interval(secs => $3::float8 / 1000)) r`,
    values: [limit, perTenant, leaseMs],
  });
  return rows;
}

export async function finishWebhookRequest(
  pool: pg.Pool,
  { tenant, id }: Pick<WebhookRequest, 'tenant' | 'id'>,
  outcome: AttemptOutcome,
): Promise<void> {
  await pool.query('SELECT exequatur.finish_webhook_request($1::uuid, $2::uuid, $3::jsonb)', [tenant, id, JSON.stringify(outcome)]);
}

export interface WebhookBacklog {
  failing: number;
  disabled: number;
  deadLetters: number;
  /** How old the oldest entry is that a subscription in use has not come to; 0 where there is none. */
  lagSeconds: number;
}

export async function readWebhookBacklog(pool: pg.Pool): Promise<WebhookBacklog> {
  const { rows } = await pool.query<WebhookBacklog>(
    `SELECT b.failing::float8 AS failing, b.disabled::float8 AS disabled, b.dead_letters::float8 AS "deadLetters",
            coalesce(extract(epoch FROM exequatur.clock() - b.oldest), 0)::float8 AS "lagSeconds" FROM exequatur.webhook_backlog() b`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the backlog of subscriptions was not told');
  return row;
}
