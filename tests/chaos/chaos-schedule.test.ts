import { describe, expect, it } from 'vitest';
import { ChaosSchedule } from './chaos-schedule.ts';

const decided = (seed: number, count = 1_000) => {
  const schedule = new ChaosSchedule(seed, count, 125, true);
  const rolls = Array.from({ length: 50 }, (_, n) => schedule.dice(`depot-${n}`, '1.0.do', n % 3).roll(100));
  return { actions: schedule.actions, faults: schedule.faults, rolls };
};

describe('a seed of the mixed actions', () => {
  it('repeats every action, every fault and every answer, and another seed has others', () => {
    expect(decided(7)).toEqual(decided(7));
    for (const part of ['actions', 'faults', 'rolls'] as const) expect(decided(8)[part]).not.toEqual(decided(7)[part]);
  });

  it('has every fault at least once among a thousand actions, and Temporal emptied once', () => {
    for (const seed of [1, 2, 3, 11]) {
      const kinds = decided(seed).faults.map(({ fault }) => fault);
      expect(new Set(kinds).size).toBe(14);
      expect(kinds.filter((kind) => kind === 'Temporal emptied')).toHaveLength(1);
    }
  });
});
