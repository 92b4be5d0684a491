import { setImmediate } from 'node:timers/promises';
import { behind, type CloudEvent, isUnreadable, type Position, placeOf } from '../ontology/cloud-event.ts';
import { compileEventFilter } from '../ontology/event-filter.ts';
import type { Fault } from '../ontology/plan.ts';
import { laneEvents, moveLane } from '../store/event-lanes.ts';
import { buryEvent, buryUnreadable, disableSubscription, failDelivery, markDelivered, type WebhookLane } from '../store/webhook-lanes.ts';
import type { Logger } from '../telemetry/logger.ts';
import { sendWebhook, type WebhookSender } from './send-webhook.ts';
import { type AttemptProblem, afterFailure } from './webhook-patience.ts';

export type DeliveryOutcome = 'delivered' | 'failed' | 'dead_letter' | 'disabled';

export interface LaneDeps extends WebhookSender {
  logger: Logger;
  onOutcome: (outcome: DeliveryOutcome) => void;
}

export const leaseMs = 30_000; // How long a subscription rests after its relay was killed; twice what a request may take, so that it stays ours while we wait.
const renewAfterMs = 5_000; // A claim older than that is renewed before something is sent under it.
const turnMs = 5_000; // Of one subscription before others get its place.
const pageSize = { limit: 50, bytes: 1024 * 1024 }; // In memory for each lane that is served, of which there are 32.

const unreadable = 'what was written of it cannot be read: it is sent once it is mended in the database and asked for';

/**
 * Serves one lane for a turn: one event after another, each marked before the next is sent. Where the process dies between the two, whoever claims the lane next sends that
 * one again, with the same id, and nothing is skipped. An attempt in vain ends the turn, and others go on meanwhile.
 */
export async function deliverLane(lane: WebhookLane, deps: LaneDeps): Promise<void> {
  const { pool, logger, signal } = deps;
  const compiled = compileEventFilter(lane.filter);
  if ('fault' in compiled) return stopForFilter(lane, compiled.fault, deps);
  const { matches, mayMatch } = compiled;
  const endsAt = Date.now() + turnMs;
  let claimedAt = Date.now();
  let at = lane.position;
  let standing: Pick<WebhookLane, 'attempts' | 'triedMs' | 'failingMs'> = lane;
  for (;;) {
    const page = await laneEvents(pool, lane, at, pageSize);
    for (const event of page.events) {
      const place = behind(placeOf(event));
      if (signal.aborted || Date.now() > endsAt) return void (await moveLane(pool, lane, at, null));
      await setImmediate(); // A condition may take a while to compute: everything else has its turn in between.
      if (isUnreadable(event)) {
        if (mayMatch(event)) {
          if (!(await buryUnreadable(pool, lane, place, event, { message: unreadable, leaseMs }))) return;
          claimedAt = Date.now();
          deps.onOutcome('dead_letter');
          const { tenant, name } = lane;
          logger.error({ tenant, subscription: name, sequence: event.sequence }, 'an event cannot be read: it became a dead letter');
        }
      } else if (matches(event)) {
        if (Date.now() - claimedAt > renewAfterMs) {
          if (!(await moveLane(pool, lane, at, leaseMs))) return;
          claimedAt = Date.now();
        }
        const attempt = await sendWebhook(deps, lane, event);
        if (!attempt.taken) return void (await settleFailure(lane, { at, place, event, standing, problem: attempt.problem }, deps));
        deps.onOutcome('delivered');
        if (!(await markDelivered(pool, lane, place, leaseMs))) return;
        claimedAt = Date.now();
        standing = { attempts: 0, triedMs: null, failingMs: null };
      }
      at = place;
    }
    const isAtEnd = page.next.seq === at.seq && page.next.ordinal === at.ordinal && page.events.length === 0;
    at = page.next;
    if (isAtEnd || signal.aborted || Date.now() > endsAt) return void (await moveLane(pool, lane, at, null));
    if (!(await moveLane(pool, lane, at, leaseMs))) return;
    claimedAt = Date.now();
  }
}

/** It was checked before it was kept, so what it is written in has changed since. What it would have admitted nobody knows: the lane stays where it is. */
async function stopForFilter(lane: WebhookLane, { message }: Fault, { pool, logger, onOutcome }: LaneDeps): Promise<void> {
  const { tenant, name } = lane;
  if (!(await disableSubscription(pool, lane, 'filter', { code: 'invalid_filter', message }))) return;
  onOutcome('disabled');
  logger.error({ tenant, subscription: name, reason: 'filter', message }, 'a subscription was stopped: its filter cannot be used any more');
}

interface Failure {
  at: Position;
  place: Position;
  event: CloudEvent;
  standing: Pick<WebhookLane, 'attempts' | 'triedMs' | 'failingMs'>;
  problem: AttemptProblem;
}

async function settleFailure(lane: WebhookLane, { at, place, event, standing, problem }: Failure, deps: LaneDeps): Promise<void> {
  const { pool, logger, onOutcome, signal } = deps;
  if (signal.aborted) return void (await moveLane(pool, lane, at, null)); // The attempt was broken off here.
  // The position may be ahead of what was marked, by events that are not wanted.
  if (!(await moveLane(pool, lane, at, leaseMs))) return;
  const { tenant, name } = lane;
  const next = afterFailure(standing, problem);
  const { code, message } = problem;
  onOutcome('failed');
  switch (next.what) {
    case 'again':
      return void (await failDelivery(pool, lane, problem, next.pauseMs));
    case 'bury':
      if (!(await buryEvent(pool, lane, place, event, problem))) return;
      onOutcome('dead_letter');
      return logger.warn({ tenant, subscription: name, sequence: event.sequence, code, message }, 'an event became a dead letter');
    case 'disable':
      if (!(await disableSubscription(pool, lane, next.reason, problem))) return;
      onOutcome('disabled');
      return logger.warn({ tenant, subscription: name, reason: next.reason, code, message }, 'a subscription was given up');
  }
}
