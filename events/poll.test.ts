import { describe, expect, it } from 'vitest';
import { openLogger } from '../telemetry/logger.ts';
import { poll } from './poll.ts';

/** Plays rounds with these outcomes. @returns the pause before each but the first, ms. */
async function pauses(
  outcomes: readonly (boolean | 'fails')[],
  { everyMs, quietMs }: { everyMs: number; quietMs: number },
): Promise<number[]> {
  const ending = new AbortController();
  const found: number[] = [];
  let lastAt = Number.NaN;
  let round = 0;
  await poll({
    name: 'test',
    everyMs,
    quietMs,
    signal: ending.signal,
    logger: openLogger('test'),
    work: async () => {
      if (round > 0) found.push(performance.now() - lastAt);
      const outcome = outcomes[round++];
      if (round === outcomes.length) ending.abort();
      lastAt = performance.now();
      if (outcome === 'fails') throw new Error('away');
      return outcome ?? false;
    },
  });
  return found;
}

const early = 2; // Timers may be as much too early, ms.

describe('polling', () => {
  it('pauses twice as long each time that there is nothing, up to a bound', async () => {
    const found = await pauses([false, false, false, false, false, false], { everyMs: 10, quietMs: 60 });
    for (const [at, least] of [20, 40, 60, 60, 60].entries()) expect(found[at]).toBeGreaterThan(least - early);
  });

  it('goes on at once where there is more, and begins anew with the shortest pause behind it', async () => {
    const quiet = [false, false, false, false, false, false, false]; // The next pause is over a second.
    const found = await pauses([...quiet, true, false, false], { everyMs: 10, quietMs: 60_000 });
    const [longest = 0, ...behind] = found.slice(-3);
    expect(longest).toBeGreaterThan(1_000);
    for (const pause of behind) expect(pause).toBeLessThan(longest / 2);
  });

  it('goes on after a round that failed', async () => {
    expect(await pauses(['fails', 'fails', true, false], { everyMs: 5, quietMs: 5 })).toHaveLength(3);
  });
});
