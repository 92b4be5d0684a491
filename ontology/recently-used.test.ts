import { expect, it } from 'vitest';
import { RecentlyUsed } from './recently-used.ts';

it('keeps what was used last, as far as all of it is no more than it may be', () => {
  const kept = new RecentlyUsed<string>(2);
  kept.set('a', 'A');
  kept.set('b', 'B');
  expect(kept.get('a')).toBe('A');
  kept.set('c', 'C');
  expect([kept.get('a'), kept.get('b'), kept.get('c')]).toEqual(['A', undefined, 'C']);
  kept.clear();
  expect(kept.get('a')).toBeUndefined();
});

it('keeps the newest whatever its size, counts one that is set again once, and null as something', () => {
  const kept = new RecentlyUsed<string | null>(10);
  kept.set('a', 'A', 6);
  kept.set('a', null, 4);
  kept.set('b', 'B', 6);
  expect([kept.get('a'), kept.get('b')]).toEqual([null, 'B']);
  kept.set('c', 'C', 50);
  expect([kept.get('a'), kept.get('b'), kept.get('c')]).toEqual([undefined, undefined, 'C']);
});
