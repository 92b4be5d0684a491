import type { WebhookLane } from '../store/webhook-lanes.ts';

export const giveUpAfterMs = 24 * 3_600_000; // An endpoint that is repaired within a working day misses nothing.
export const disableAfterMs = 3 * 86_400_000; // Over a weekend nobody may look; after it nobody means to.
const disableAfterTryingMs = 3_600_000; // This event too has been in vain for a while: one that comes after days of quiet is tried like any other.
const firstPauseMs = 5_000; // A restart of a receiver takes about so long.
const longestPauseMs = 3_600_000; // So that a receiver that is repaired hears of it within the hour.
const spread = 0.2; // Of a pause, to either side: those that failed together do not come back together.

/** Why an attempt was in vain. */
export interface AttemptProblem {
  code: string;
  message: string;
  retryAfterMs?: number;
  /** The receiver says that it will never take any. */
  gone?: boolean;
  /** It was not for the receiver that nothing was sent: nothing is given up for that, and it does not count. */
  ours?: boolean;
}

export type NextStep = { what: 'again'; pauseMs: number } | { what: 'bury' } | { what: 'disable'; reason: 'gone' | 'failing' };

/**
 * What follows an attempt in vain. Pauses double; `Retry-After` makes them longer, never shorter. An event whose attempts have failed for a day is given up, so that those
 * behind it come; a subscription that has failed for three is, and keeps its event.
 */
export function afterFailure(
  { attempts, triedMs, failingMs }: Pick<WebhookLane, 'attempts' | 'triedMs' | 'failingMs'>,
  { retryAfterMs = 0, gone = false, ours = false }: AttemptProblem,
  random: () => number = Math.random,
): NextStep {
  if (gone) return { what: 'disable', reason: 'gone' };
  if (!ours && (failingMs ?? 0) >= disableAfterMs && (triedMs ?? 0) >= disableAfterTryingMs) return { what: 'disable', reason: 'failing' };
  if (!ours && (triedMs ?? 0) >= giveUpAfterMs) return { what: 'bury' };
  const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(attempts, 20), longestPauseMs);
  return { what: 'again', pauseMs: Math.max(pauseMs * (1 - spread + 2 * spread * random()), Math.min(retryAfterMs, giveUpAfterMs)) };
}
