import { expect, it } from 'vitest';
import { pauseMs } from './pause-between-attempts.ts';

it('pauses double up to a minute, and no two that failed together come back together', () => {
  for (const [number, mostMs] of [
    [1, 1_000],
    [2, 2_000],
    [5, 16_000],
    [7, 60_000],
    [1_000, 60_000],
  ] as const) {
    const pauses = Array.from({ length: 200 }, () => pauseMs(number));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(mostMs / 2);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(mostMs);
    expect(new Set(pauses).size).toBeGreaterThan(100);
  }
});
