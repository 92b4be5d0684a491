import type pg from 'pg';
import { canonicalText } from '../ontology/canonical-json.ts';
import { byReference, type CloudEvent } from '../ontology/cloud-event.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { Send } from '../outbound/send-request.ts';
import { readClock } from '../store/database-clock.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { readWebhookSecrets } from '../store/webhook-lanes.ts';
import type { AttemptProblem } from './webhook-patience.ts';

export interface WebhookSender {
  pool: pg.Pool;
  send: Send;
  secrets: SecretBox;
  signal: AbortSignal;
}

export type Attempt = { taken: true; status: number } | { taken: false; status: number | null; problem: AttemptProblem };

/** An event of the log, or one that says nothing and is in no log. */
export type SentEvent = CloudEvent | Omit<CloudEvent, 'sequence' | 'partitionkey' | 'dataschema'>;

const requestTimeoutMs = 15_000; // Receivers are to take what they get and work on it afterwards.
const mostBytes = 256 * 1024; // What a receiver can be expected to take; a larger event goes without its data, and says where they are.

/** One attempt: a signed CloudEvent in structured mode, under its own id. Anything but a 2xx is in vain. */
export async function sendWebhook(
  { pool, send, secrets, signal }: WebhookSender,
  { tenant, name, url }: { tenant: string; name: string; url: string },
  event: SentEvent,
): Promise<Attempt> {
  const signing = await readWebhookSecrets(pool, { tenant, name }, secrets);
  if (signing === null) {
    const message = 'there is no secret to sign with, or no key of this deployment opens it';
    return { taken: false, status: null, problem: { code: 'secret_sealed', message, ours: true } };
  }
  const at = new Date(await readClock({ rows: async (text) => (await pool.query(text)).rows }));
  const answer = await send(
    {
      tenant,
      method: 'POST',
      url,
      body: bodyOf(event),
      contentType: 'application/cloudevents+json; charset=utf-8',
      id: event.id,
      secrets: signing,
      at,
      headers: {},
      timeoutMs: requestTimeoutMs,
    },
    signal,
  );
  if (answer.kind !== 'answered') {
    const { code, reason } = answer;
    return { taken: false, status: null, problem: { code, message: reason, ...(signal.aborted ? { ours: true } : {}) } };
  }
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return { taken: true, status };
  const problem = { code: 'status', message: `answered ${status}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return { taken: false, status, problem: status === 410 ? { ...problem, code: 'gone', gone: true } : problem };
}

function bodyOf(event: SentEvent): JsonValue {
  const whole = event as unknown as JsonValue;
  const isLarge = Buffer.byteLength(canonicalText(whole)) > mostBytes;
  return isLarge && 'sequence' in event ? (byReference(event) as unknown as JsonValue) : whole;
}
