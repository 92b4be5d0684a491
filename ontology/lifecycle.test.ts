import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { finalStatuses, isDoorEdge, isFinal, lifecycleEdges, mayBecome, proposalStatuses } from './lifecycle.ts';

describe('the lifecycle', () => {
  it('leads nowhere from a final status, and somewhere from every other', () => {
    for (const status of proposalStatuses) {
      expect(lifecycleEdges.some(([from]) => from === status)).toBe(!isFinal(status));
    }
  });

  it('reaches every status from simulating, and a final one from every status', () => {
    const reach = (start: string) => {
      const reached = new Set([start]);
      for (let size = 0; size < reached.size; ) {
        size = reached.size;
        for (const [from, to] of lifecycleEdges) {
          if (reached.has(from)) {
            reached.add(to);
          }
        }
      }
      return reached;
    };
    expect([...reach('simulating')].sort()).toEqual([...proposalStatuses].sort());
    for (const status of proposalStatuses) {
      expect(finalStatuses.some((final) => reach(status).has(final))).toBe(true);
    }
  });

  it('lets what is approved still be withdrawn, expire and go back, and what runs not be withdrawn', () => {
    expect((['withdrawn', 'expired', 'simulating', 'awaiting_approval'] as const).every((to) => mayBecome('approved', to))).toBe(true);
    expect(mayBecome('executing', 'withdrawn')).toBe(false);
    expect(mayBecome('executed', 'simulating')).toBe(false);
  });

  it('reserves every edge into and out of executing and compensating for the doors', () => {
    expect(lifecycleEdges.filter(([from, to]) => isDoorEdge(from, to)).map((edge) => edge.join(' '))).toEqual([
      'approved executing',
      'scheduled executing',
      'executing simulating',
      'executing awaiting_approval',
      'executing compensating',
      'executing executed',
      'executing failed',
      'compensating simulating',
      'compensating needs_attention',
      'compensating failed',
      'needs_attention compensating',
    ]);
  });

  it('imports nothing, so that the workflow sandbox can load it', () => {
    expect(readFileSync(new URL('./lifecycle.ts', import.meta.url), 'utf8')).not.toMatch(/^import |require\(/m);
  });
});
