import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../telemetry/logger.ts';

export interface PollOptions {
  name: string;
  everyMs: number;
  /** While rounds find nothing the pause between them doubles up to this. */
  quietMs?: number;
  /** Rounds begin `everyMs` after one another, however long they take; else that is the pause between them. */
  isSteady?: boolean;
  signal: AbortSignal;
  logger: Logger;
  /** One round; returns whether to go on at once because there is more. */
  work: () => Promise<boolean>;
  onRound?: (ok: boolean) => void;
}

export type Round = Pick<PollOptions, 'name' | 'everyMs' | 'quietMs' | 'isSteady' | 'work'>;

const longestPauseMs = 15_000; // After an outage, what was missed is made up for within this long.

/** Repeats `work` until the signal is given. A round that fails is logged and tried again after a pause that doubles: nothing else can be done about an outage. */
export async function poll({
  name,
  everyMs,
  quietMs = everyMs,
  isSteady = false,
  signal,
  logger,
  work,
  onRound,
}: PollOptions): Promise<void> {
  let pauseMs = everyMs;
  let begunAt = performance.now();
  while (!signal.aborted) {
    if (pauseMs > 0) begunAt = performance.now(); // What goes on at once is of the round before.
    let tookMs = 0;
    try {
      const more = await work();
      if (isSteady) tookMs = performance.now() - begunAt;
      onRound?.(true);
      pauseMs = pauseAfter(more ? 'more' : 'quiet', pauseMs, { everyMs, quietMs });
    } catch (error) {
      onRound?.(false);
      pauseMs = pauseAfter('failed', pauseMs, { everyMs, quietMs });
      logger.warn({ err: error, round: name, pauseMs }, 'a round failed');
    }
    await sleep(Math.max(0, pauseMs - tookMs), undefined, { signal }).catch(() => {});
  }
}

/** What is waited after a round, ms, behind a pause of `lastMs`. */
export function pauseAfter(
  outcome: 'more' | 'quiet' | 'failed',
  lastMs: number,
  { everyMs, quietMs }: { everyMs: number; quietMs: number },
): number {
  if (outcome === 'more') return 0;
  return Math.min(Math.max(lastMs * 2, everyMs), outcome === 'quiet' ? quietMs : longestPauseMs);
}
