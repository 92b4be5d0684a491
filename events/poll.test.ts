import { describe, expect, it } from 'vitest';
import { openLogger } from '../telemetry/logger.ts';
import { pauseAfter, poll } from './poll.ts';

type Outcome = Parameters<typeof pauseAfter>[0];

/** The pause after each of the rounds, ms. */
function pauses(outcomes: readonly Outcome[], { everyMs, quietMs }: { everyMs: number; quietMs: number }): number[] {
  let lastMs = everyMs;
  return outcomes.map((outcome) => {
    lastMs = pauseAfter(outcome, lastMs, { everyMs, quietMs });
    return lastMs;
  });
}

describe('polling', () => {
  it('pauses twice as long each time that there is nothing, up to a bound', () => {
    expect(pauses(['quiet', 'quiet', 'quiet', 'quiet'], { everyMs: 10, quietMs: 60 })).toEqual([20, 40, 60, 60]);
  });

  it('goes on at once where there is more, and begins anew with the shortest pause behind it', () => {
    expect(pauses(['quiet', 'quiet', 'more', 'quiet', 'quiet'], { everyMs: 10, quietMs: 60_000 })).toEqual([20, 40, 0, 10, 20]);
  });

  it('pauses twice as long each time that a round fails, up to what an outage may be noticed late by', () => {
    expect(pauses(Array(12).fill('failed'), { everyMs: 10, quietMs: 60 }).slice(-2)).toEqual([15_000, 15_000]);
  });

  it('waits as long as it pauses, at least', async () => {
    const at: number[] = [];
    await rounds(['quiet', 'quiet'], { everyMs: 20, quietMs: 40 }, () => at.push(performance.now()));
    const [first = 0, second = 0] = at;
    expect(second - first).toBeGreaterThan(40 - 2); // Timers may be as much too early.
  });

  it('goes on after a round that failed', async () => {
    let begun = 0;
    await rounds(['failed', 'failed', 'more', 'quiet'], { everyMs: 5, quietMs: 5 }, () => begun++);
    expect(begun).toBe(4);
  });
});

/** Plays rounds with these outcomes. */
async function rounds(outcomes: readonly Outcome[], times: { everyMs: number; quietMs: number }, onBegin: () => void): Promise<void> {
  const ending = new AbortController();
  const left = [...outcomes];
  const work = async () => {
    onBegin();
    const outcome = left.shift();
    if (left.length === 0) ending.abort();
    if (outcome === 'failed') throw new Error('away');
    return outcome === 'more';
  };
  await poll({ name: 'test', ...times, signal: ending.signal, logger: openLogger('test'), work });
}
