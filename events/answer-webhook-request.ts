import { type CloudEvent, isUnreadable, placeOf } from '../ontology/cloud-event.ts';
import { compileEventFilter } from '../ontology/event-filter.ts';
import { laneEvents } from '../store/event-lanes.ts';
import { type DeliveryFault, finishWebhookRequest, type WebhookRequest } from '../store/webhook-lanes.ts';
import type { AttemptOutcome } from '../store/webhook-requests.ts';
import { type SentEvent, sendWebhook, type WebhookSender } from './send-webhook.ts';

const mostEvents = 20; // Of one dead letter: a row that can be read again may tell of many changes, and a request is somebody else's again after half a minute.

/** Does what somebody asked for once, and says what came of it. Whoever dies before that has it done again, under the same ids. */
export async function answerWebhookRequest(request: WebhookRequest, sender: WebhookSender): Promise<void> {
  const startedAt = Date.now();
  const finish = (outcome: Omit<AttemptOutcome, 'durationMs'>) =>
    finishWebhookRequest(sender.pool, request, { ...outcome, durationMs: Date.now() - startedAt });
  const found = request.letter === null ? [testEvent(request)] : await readLetter(request, request.letter, sender);
  if ('code' in found) return finish({ delivered: false, status: null, error: found });
  let status: number | null = null;
  for (const event of found) {
    const attempt = await sendWebhook(sender, request, event);
    if (!attempt.taken && sender.signal.aborted) return;
    status = attempt.status;
    if (!attempt.taken) {
      const { code, message } = attempt.problem;
      return finish({ delivered: false, status, error: { code, message } });
    }
  }
  return finish({ delivered: true, status, error: null });
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

/** What a dead letter says now, as far as the subscription wants it: of changes that could not be read each that there is. Or why nothing is sent. */
async function readLetter(
  { tenant, filter }: WebhookRequest,
  { seq, ordinal, eventId }: NonNullable<WebhookRequest['letter']>,
  { pool }: WebhookSender,
): Promise<CloudEvent[] | DeliveryFault> {
  const before = { seq: seq - 1, ordinal: ordinal - 1 };
  const { events, next } = await laneEvents(pool, { tenant }, before, { limit: 2 * mostEvents, bytes: 4 * 1024 * 1024 });
  const found = events.filter((event) => placeOf(event).seq === seq && (event.id === eventId || event.id.startsWith(`${eventId}.`)));
  if (found.length === 0) return { code: 'events_not_kept', message: 'the event is not kept any more' };
  if (found.some(isUnreadable)) return { code: 'unreadable', message: 'it still cannot be read' };
  // The last that was looked at may be one of these, and more follow.
  if (found.length > mostEvents || (next.seq < seq && events.at(-1) === found.at(-1) && found.length > 1))
    return {
      code: 'too_many_events',
      message: 'it tells of more changes than are sent at once: replay the subscription from its sequence',
    };
  const compiled = compileEventFilter(filter);
  if ('fault' in compiled) return { code: 'invalid_filter', message: compiled.fault.message };
  return found.filter(compiled.matches);
}
