import { expect, it } from 'vitest';
import { nearestName } from './nearest-name.ts';

it.each([
  ['seatz', ['status', 'seats', 'sets'], 'seats'],
  ['minuets', ['minutes'], 'minutes'],
  ['RiskTier', ['risktier'], 'risktier'],
  ['at', ['to', 'on'], null],
  ['colour', ['seats', 'status'], null],
  ['x', ['y'], null],
  ['', ['a'], null],
])('of %j and %j the nearest is %j', (meant, names, nearest) => {
  expect(nearestName(meant, names)).toBe(nearest);
});
