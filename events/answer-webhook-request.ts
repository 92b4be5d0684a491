import { isUnreadable, placeOf } from '../ontology/cloud-event.ts';
import { laneEvents } from '../store/event-lanes.ts';
import { finishWebhookRequest, type WebhookRequest } from '../store/webhook-lanes.ts';
import { type SentEvent, sendWebhook, type WebhookSender } from './send-webhook.ts';

/** Does what somebody asked for once, and says what came of it. Whoever dies before that has it done again, under the same id. */
export async function answerWebhookRequest(request: WebhookRequest, sender: WebhookSender): Promise<void> {
  const startedAt = Date.now();
  const event = request.place === null ? testEvent(request) : await readEvent(request, request.place, sender);
  if (event === null) {
    const error = { code: 'events_not_kept', message: 'the event is not kept any more' };
    return finishWebhookRequest(sender.pool, request, { delivered: false, status: null, error, durationMs: Date.now() - startedAt });
  }
  const attempt = await sendWebhook(sender, request, event);
  if (!attempt.taken && sender.signal.aborted) return;
  const durationMs = Date.now() - startedAt;
  const { status } = attempt;
  if (attempt.taken) return finishWebhookRequest(sender.pool, request, { delivered: true, status, error: null, durationMs });
  const { code, message } = attempt.problem;
  return finishWebhookRequest(sender.pool, request, { delivered: false, status, error: { code, message }, durationMs });
}

/** Says nothing of the tenant but that the subscription is there. */
function testEvent({ tenant, id, name, askedAt }: WebhookRequest): SentEvent {
  return {
    specversion: '1.0',
    id,
    source: `urn:exequatur:tenant:${tenant}`,
    type: 'subscription.test',
    subject: `subscription/${name}`,
    time: askedAt,
    datacontenttype: 'application/json',
    tenant,
    data: { name },
  };
}

/** Null where it was deleted, or spoilt, after the redelivery was asked for. */
async function readEvent({ tenant }: WebhookRequest, { seq, ordinal }: { seq: number; ordinal: number }, { pool }: WebhookSender) {
  const { events } = await laneEvents(pool, { tenant }, { seq: seq - 1, ordinal: ordinal - 1 }, { limit: 1, bytes: 1 });
  const [event] = events;
  if (event === undefined || isUnreadable(event)) return null;
  const place = placeOf(event);
  return place.seq === seq && place.ordinal === ordinal ? event : null;
}
