import { randomUUID } from 'node:crypto';
import type { Caller } from '../ontology/authority.ts';
import { behind } from '../ontology/cloud-event.ts';
import { announceSubscription } from './announce-subscription.ts';
import { type AdministerDeps, mayAdminister } from './change-subscription.ts';
import { isKept } from './read-events.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Sql, Tx } from './sql.ts';

/** What came of one attempt. */
export interface AttemptOutcome {
  delivered: boolean;
  /** Of the answer, where there was one. */
  status: number | null;
  error: { code: string; message: string } | null;
  durationMs: number;
}

export interface AskedRequest {
  /** Also the id of a test's event. */
  id: string;
}

const mostInMinute = 30; // Of one tenant: each is a request of ours to somebody else's machine, and an entry of the log.

/** Null where one more may be asked for. Those of one tenant are counted one after another, so that none slips in beside the last. */
async function refusalOfMore(tx: Tx): Promise<Refusal | null> {
  await tx.rows("SELECT pg_advisory_xact_lock(hashtextextended('exequatur.webhook_requests/' || current_setting('app.tenant'), 0))");
  const [row] = await tx.rows<{ retryAfterS: number }>(
    `SELECT greatest(1, ceil(extract(epoch FROM r.asked_at + interval '1 minute' - exequatur.clock())))::int AS "retryAfterS"
       FROM exequatur.webhook_request r WHERE r.asked_at > exequatur.clock() - interval '1 minute' ORDER BY r.asked_at DESC OFFSET ${mostInMinute - 1} LIMIT 1`,
  );
  return row === undefined ? null : { ...refuse('too_many_attempts'), retryAfterS: row.retryAfterS };
}

/** Asks the relay, which alone reads secrets and goes outside, for one attempt at an event that says nothing. */
export async function askForTest(
  tx: Tx,
  { name, by }: { name: string; by: Caller },
  deps: AdministerDeps,
): Promise<AskedRequest | Refusal> {
  const actor = await mayAdminister(tx, by, deps);
  if (isRefusal(actor)) return actor;
  const refusal = await refusalOfMore(tx);
  if (refusal !== null) return refusal;
  const id = randomUUID();
  const asked = await tx.rows(
    `INSERT INTO exequatur.webhook_request (tenant_id, id, subscription_id, kind, asked_at)
     SELECT s.tenant_id, $2::uuid, s.id, 'test', exequatur.clock() FROM exequatur.subscription s WHERE s.name = $1 RETURNING id`,
    [name, id],
  );
  if (asked.length === 0) return refuse('not_found');
  announceSubscription(tx, { name, change: 'tested', actor: actor.id });
  return { id };
}

/** Asks the relay for one more attempt at a dead letter. It is out of order: later events may have been taken long ago. */
export async function askForRedelivery(
  tx: Tx,
  { name, by, place }: { name: string; by: Caller; place: { seq: number; ordinal: number } },
  deps: AdministerDeps,
): Promise<AskedRequest | Refusal> {
  const actor = await mayAdminister(tx, by, deps);
  if (isRefusal(actor)) return actor;
  const [letter] = await tx.rows<{ subscription: string; enabled: boolean }>(
    `SELECT s.id::text AS subscription, s.enabled FROM exequatur.subscription s JOIN exequatur.dead_letter d ON d.tenant_id = s.tenant_id AND d.subscription_id = s.id
      WHERE s.name = $1 AND d.seq = $2::bigint AND d.ordinal = $3::int`,
    [name, place.seq, place.ordinal],
  );
  if (letter === undefined) return refuse('not_found');
  if (!letter.enabled) return refuse('subscription_off');
  if (!(await isKept(tx, tx.tenant, behind(place)))) return refuse('events_not_kept');
  const refusal = await refusalOfMore(tx);
  if (refusal !== null) return refusal;
  const id = randomUUID();
  await tx.rows(
    `INSERT INTO exequatur.webhook_request (tenant_id, id, subscription_id, kind, seq, ordinal, asked_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, 'redelivery', $3::bigint, $4::int, exequatur.clock())`,
    [id, letter.subscription, place.seq, place.ordinal],
  );
  announceSubscription(tx, { name, change: 'redelivered', actor: actor.id, ...place });
  return { id };
}

/** Null while the relay has not done it. */
export async function readAttempt(tx: Sql, id: string): Promise<{ outcome: AttemptOutcome | null }> {
  const [row] = await tx.rows<{ outcome: AttemptOutcome | null }>(
    'SELECT r.outcome FROM exequatur.webhook_request r WHERE r.id = $1::uuid',
    [id],
  );
  return { outcome: row?.outcome ?? null };
}
