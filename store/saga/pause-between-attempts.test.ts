import { expect, it } from 'vitest';
import { askedPauseMs, pauseMs } from './pause-between-attempts.ts';

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

it('what a receiver asks for is heeded up to five minutes, and never makes an attempt come sooner than by itself, nor with others', () => {
  for (const [number, askedMs, heededMs, mostMs] of [
    [1, 0, 0, 1_000],
    [7, 0, 0, 60_000],
    [1_000, -3_600_000, 0, 60_000],
    [2, 7_000, 7_000, 2_000],
    [1, 3_600_000, 300_000, 1_000],
  ] as const) {
    const pauses = Array.from({ length: 200 }, () => askedPauseMs(number, askedMs));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(heededMs + mostMs / 2);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(heededMs + mostMs);
    expect(new Set(pauses).size).toBeGreaterThan(100);
  }
});
