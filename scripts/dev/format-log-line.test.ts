import { describe, expect, it } from 'vitest';
import { formatLogLine } from './format-log-line.ts';

describe('formatLogLine', () => {
  it('writes a structured line with its time, level, message and fields', () => {
    const line = JSON.stringify({ level: 40, time: Date.UTC(2026, 0, 2, 3, 4, 5, 6), pid: 1, hostname: 'h', msg: 'slow', proposal: 'p1' });
    expect(formatLogLine('api', line, false)).toBe('api     03:04:05.006 WARN  slow proposal=p1');
  });

  it('passes on what is not structured', () => {
    expect(formatLogLine('worker', 'Segmentation fault', false)).toBe('worker  Segmentation fault');
    expect(formatLogLine('worker', '{"half": ', false)).toBe('worker  {"half": ');
  });
});
