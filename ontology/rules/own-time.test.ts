import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OutOfTime, type Reading, withinOwnTime } from './own-time.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const never = <T>() => new Promise<T>(() => undefined);

describe('a function', () => {
  it('that never returns is not waited for, and reads nothing later', async () => {
    let late: Reading | undefined;
    const outcome = withinOwnTime((reading) => {
      late = reading;
      return never();
    });
    const failed = expect(outcome).rejects.toBeInstanceOf(OutOfTime);
    await vi.advanceTimersByTimeAsync(30_000);
    await failed;
    const read = vi.fn(async () => 1);
    await expect(late?.(read)).rejects.toBeInstanceOf(OutOfTime);
    expect(read).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is waited for as long as a read takes, and has the rest of its time after it', async () => {
    const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
    const slow = withinOwnTime(async (reading) => {
      await pause(20_000);
      await reading(() => pause(600_000));
      await pause(9_000);
      return 'done';
    });
    await vi.advanceTimersByTimeAsync(629_000);
    expect(await slow).toBe('done');
    const slower = withinOwnTime(async (reading) => {
      await pause(20_000);
      await Promise.all([reading(() => pause(600_000)), reading(() => pause(1))]);
      await pause(11_000);
    });
    const failed = expect(slower).rejects.toBeInstanceOf(OutOfTime);
    await vi.advanceTimersByTimeAsync(631_000);
    await failed;
  });

  it('that does not wait for a read which fails ends as it would without it', async () => {
    const failing = withinOwnTime((reading) => {
      void reading(() => Promise.reject(new Error('away')));
      return 'done';
    });
    expect(await failing).toBe('done');
    await vi.advanceTimersByTimeAsync(0);
  });

  it('that throws, or returns at once, leaves nothing behind', async () => {
    await expect(
      withinOwnTime(() => {
        throw new TypeError('x');
      }),
    ).rejects.toBeInstanceOf(TypeError);
    expect(await withinOwnTime(() => 7)).toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });
});
