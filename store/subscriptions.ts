import type { EventFilter } from '../ontology/event-filter.ts';
import { endpointOfSubscription, isSecretInUse, type SecretView, secretJson } from './kept-secrets.ts';
import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';
import type { DisabledReason } from './webhook-lanes.ts';

export interface DeliveryError {
  code: string;
  message: string;
  at: string;
}

/** Events to one endpoint outside, and how that goes. */
export interface SubscriptionView {
  name: string;
  url: string;
  filter: EventFilter;
  description: string | null;
  enabled: boolean;
  /** Why the relay has given it up, until it is set again. */
  disabled: { reason: DisabledReason; at: string } | null;
  position: {
    /** What is delivered next is this, or behind it. */
    next: string;
    /** Where it began: a replay goes back as far. */
    earliest: string;
    /** Entries of the log that were not looked at yet, and when the first of them was written. */
    entriesBehind: number;
    behindSince: string | null;
  };
  failing: { since: string; attempts: number; nextAttemptAt: string | null; error: DeliveryError } | null;
  deliveredAt: string | null;
  deadLetters: number;
  /** What signs, never the values. */
  secrets: Omit<SecretView, 'name'>[];
  createdBy: string;
  createdAt: string;
  changedBy: string;
  changedAt: string;
}

const next = (seq: string, ordinal: string): string => `lpad((${seq} + 1)::text, 16, '0') || '.' || lpad((${ordinal} + 1)::text, 8, '0')`;

/** SQL for a subscription `s` with its lane `l` and the number `h.seq` of the last entry of its tenant's log, as clients see it. */
const subscriptionJson = `jsonb_build_object('name', s.name, 'url', s.url, 'filter', s.filter, 'description', s.description, 'enabled', s.enabled,
  'disabled', CASE WHEN s.disabled_at IS NOT NULL THEN jsonb_build_object('reason', s.disabled_reason, 'at', ${isoTime('s.disabled_at')}) END,
  'position', jsonb_build_object('next', ${next('l.seq', 'l.ordinal')}, 'earliest', ${next('s.starts_seq', 's.starts_ordinal')}, 'entriesBehind', greatest(0, h.seq - l.seq),
    'behindSince', (SELECT ${isoTime('e.at')} FROM exequatur.audit_entry e WHERE e.tenant_id = s.tenant_id AND e.seq = l.seq + 1)),
  'failing', CASE WHEN s.error_at IS NOT NULL THEN jsonb_build_object('since', ${isoTime('coalesce(s.failing_since, s.error_at)')}, 'attempts', s.attempts,
    'nextAttemptAt', CASE WHEN isfinite(s.next_attempt_at) AND s.disabled_at IS NULL THEN ${isoTime('s.next_attempt_at')} END,
    'error', jsonb_build_object('code', s.error_code, 'message', s.error_message, 'at', ${isoTime('s.error_at')})) END,
  'deliveredAt', ${isoTime('s.delivered_at')},
  'deadLetters', (SELECT count(*) FROM exequatur.dead_letter d WHERE d.tenant_id = s.tenant_id AND d.subscription_id = s.id),
  'secrets', COALESCE((SELECT jsonb_agg(${secretJson('k')} - 'name' ORDER BY k.created_at DESC) FROM exequatur.endpoint_secret k
     WHERE k.tenant_id = s.tenant_id AND k.endpoint = '${endpointOfSubscription('')}' || s.name AND ${isSecretInUse('k')}), '[]'),
  'createdBy', s.created_by, 'createdAt', ${isoTime('s.created_at')}, 'changedBy', s.changed_by, 'changedAt', ${isoTime('s.changed_at')})`;
const subscriptions = `exequatur.subscription s JOIN exequatur.event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text
 CROSS JOIN LATERAL (SELECT coalesce(max(e.seq), 0) AS seq FROM exequatur.audit_entry e WHERE e.tenant_id = s.tenant_id) h`;

/** By name; a tenant has no more than `mostSubscriptions`. */
export async function listSubscriptions(tx: Sql): Promise<SubscriptionView[]> {
  const rows = await tx.rows<{ view: SubscriptionView }>(`SELECT ${subscriptionJson} AS view FROM ${subscriptions} ORDER BY s.name`);
  return rows.map(({ view }) => view);
}

export async function readSubscription(tx: Sql, name: string): Promise<SubscriptionView | null> {
  const [row] = await tx.rows<{ view: SubscriptionView }>(`SELECT ${subscriptionJson} AS view FROM ${subscriptions} WHERE s.name = $1`, [
    name,
  ]);
  return row?.view ?? null;
}

/** What of it was put in force, and what a change of it is compared with. */
export type SubscriptionInForce = Pick<SubscriptionView, 'url' | 'filter' | 'description' | 'enabled' | 'changedAt'> & {
  /** When the relay gave it up. */
  disabledAt: string | null;
};

export async function readSubscriptionInForce(tx: Sql, name: string): Promise<SubscriptionInForce | null> {
  const [row] = await tx.rows<SubscriptionInForce>(
    `SELECT s.url, s.filter, s.description, s.enabled, ${isoTime('s.changed_at')} AS "changedAt", ${isoTime('s.disabled_at')} AS "disabledAt"
       FROM exequatur.subscription s WHERE s.name = $1`,
    [name],
  );
  return row ?? null;
}

export interface DeadLetterView {
  sequence: string;
  eventId: string;
  type: string;
  subject: string;
  attempts: number;
  error: DeliveryError;
}

export interface DeadLetters {
  deadLetters: DeadLetterView[];
  /** There are more than are shown: ask for those after the last. */
  truncated: boolean;
}

const mostListed = 200;

/** What was not delivered, in the order of events; null where there is no such subscription. */
export async function listDeadLetters(
  tx: Sql,
  name: string,
  after: { seq: number; ordinal: number } = { seq: 0, ordinal: 0 },
): Promise<DeadLetters | null> {
  const [[known], rows] = await Promise.all([
    tx.rows('SELECT 1 AS one FROM exequatur.subscription s WHERE s.name = $1', [name]),
    tx.rows<{ view: DeadLetterView }>(
      `SELECT jsonb_build_object('sequence', lpad(d.seq::text, 16, '0') || '.' || lpad(d.ordinal::text, 8, '0'), 'eventId', d.event_id, 'type', d.type, 'subject', d.subject,
                'attempts', d.attempts, 'error', jsonb_build_object('code', d.error_code, 'message', d.error_message, 'at', ${isoTime('d.at')})) AS view
         FROM exequatur.subscription s JOIN exequatur.dead_letter d ON d.tenant_id = s.tenant_id AND d.subscription_id = s.id
        WHERE s.name = $1 AND (d.seq, d.ordinal) > ($2::bigint, $3::int) ORDER BY d.seq, d.ordinal LIMIT ${mostListed + 1}`,
      [name, after.seq, after.ordinal],
    ),
  ]);
  if (known === undefined) return null;
  return { deadLetters: rows.slice(0, mostListed).map(({ view }) => view), truncated: rows.length > mostListed };
}
