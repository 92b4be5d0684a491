import { describe, expect, it } from 'vitest';
import { faultOfCron } from './schedule-timing.ts';

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
