import { describe, expect, it } from 'vitest';
import { faultOfCron, neverRuns, type ScheduleTiming } from './schedule-timing.ts';

describe('a cron expression', () => {
  it.each(['* * * * *', '0 6 * * MON-FRI', '*/5 0-12/2 1,15 jan,jul 0', '59 23 31 12 7', ' 0  0 1 * * '])('may be %s', (text) => {
    expect(faultOfCron(text)).toBeNull();
  });

  it.each([
    ['60 * * * *', 'minute'],
    ['* 24 * * *', 'hour'],
    ['* * 0 * *', 'day of month'],
    ['* * * 13 *', 'month'],
    ['* * * * fry', 'day of week'],
    ['5-1 * * * *', 'minute'],
    ['*/0 * * * *', 'minute'],
    ['1-2-3 * * * *', 'minute'],
    ['', 'five fields'],
    ['@daily', 'five fields'],
    ['* * * * * *', 'five fields'],
  ])('may not be %s', (text, words) => {
    expect(faultOfCron(text)).toContain(words);
  });
});

describe('a timing', () => {
  const now = '2026-12-01T12:00:00.000Z';

  it.each<[ScheduleTiming]>([
    [{ cron: '0 0 29 2 *' }],
    [{ cron: '0 0 31 */2 *' }],
    [{ cron: '0 0 31 4,5 *' }],
    [{ cron: '0 0 30/1 feb-mar *' }],
    [{ cron: '0 0 * * *', startsAt: '2027-01-01T00:00:00Z', endsAt: '2028-01-01T00:00:00Z' }],
    [{ every: 'P9999D' }],
    [{ at: '2100-12-31T23:59:59Z' }],
    [{ at: '2027-01-01T00:00:00+01:00', startsAt: '2026-12-31T23:00:00Z', endsAt: '2026-12-31T23:00:00Z' }],
  ])('%j has a time to come', (timing) => {
    expect(neverRuns(timing, now)).toBeNull();
  });

  it.each<[ScheduleTiming, keyof ScheduleTiming]>([
    [{ cron: '0 0 30 2 *' }, 'cron'],
    [{ cron: '0 0 31 feb,4,JUN *' }, 'cron'],
    [{ cron: '0 0 30-31/1 2 mon' }, 'cron'],
    [{ every: 'P9999W' }, 'every'],
    [{ every: 'P2000D', endsAt: '2027-01-01T00:00:00Z' }, 'every'],
    [{ at: '2026-12-01T12:00:00Z' }, 'at'],
    [{ at: '2101-01-01T00:00:00Z' }, 'at'],
    [{ at: '2027-01-01T00:00:00Z', endsAt: '2026-12-31T00:00:00Z' }, 'at'],
    [{ at: '2027-01-01T00:00:00Z', startsAt: '2027-01-02T00:00:00Z' }, 'at'],
    [{ cron: '0 0 * * *', endsAt: '2026-12-01T00:00:00Z' }, 'endsAt'],
    [{ cron: '0 0 * * *', startsAt: '2028-01-01T00:00:00Z', endsAt: '2027-01-01T00:00:00Z' }, 'endsAt'],
    [{ cron: '0 0 * * *', startsAt: '2150-01-01T00:00:00Z' }, 'startsAt'],
  ])('%j never comes', (timing, member) => {
    expect(neverRuns(timing, now)?.member).toBe(member);
  });
});
