import { expect, it } from 'vitest';
import { FirstLook } from './first-look.ts';

/** Waits for what takes so long each time, looking every 2 ms after the first look. @returns how often it looked. */
function wait(first: FirstLook, takesMs: number): number {
  const after = first.afterMs();
  const more = Math.max(0, Math.ceil((takesMs - after) / 2));
  first.note(after + more * 2, more === 0);
  return 1 + more;
}

const waits = (first: FirstLook, ...takeMs: number[]) => takeMs.map((ms) => wait(first, ms));
const same = (ms: number, times: number) => Array.from({ length: times }, () => ms);

it('once some waits have taken about as long, the next look less than half as often', () => {
  const first = new FirstLook();
  expect(waits(first, ...same(25, 8))).toEqual(same(10, 8));
  const looks = waits(first, 25, 26, 24, 25, 27, 25, 24, 26, 25, 25);
  expect(looks.reduce((sum, one) => sum + one, 0)).toBeLessThan(50);
});

it('what is done sooner again is noticed as soon as before after a few waits', () => {
  const first = new FirstLook();
  waits(first, ...same(200, 20));
  expect(first.afterMs()).toBe(40);
  waits(first, ...same(5, 6));
  expect(first.afterMs()).toBe(8);
});

it('one quick wait among slow ones has the next look early, and then no more', () => {
  const first = new FirstLook();
  waits(first, ...same(30, 7), 10, 30);
  expect(first.afterMs()).toBeLessThanOrEqual(10);
  waits(first, ...same(30, 8));
  expect(first.afterMs()).toBeGreaterThan(25);
});
