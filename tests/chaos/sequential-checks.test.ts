import { beforeEach, describe, expect, it } from 'vitest';
import type { Plan } from '../../ontology/plan.ts';
import { SequentialChecks } from './sequential-checks.ts';

const checks = [{ name: 'light', holds: 'parcel.weight < 40', bakeMs: 2_000, afterMs: 0 }];
const plan = { header: { checks }, parametersText: '{"parcel":"P1"}', edits: [] } as unknown as Plan;

let watched: SequentialChecks;
beforeEach(() => {
  watched = new SequentialChecks();
  watched.begin('x', plan, 1_000);
});
const weighs = (...weights: number[]) => {
  for (const weight of weights) watched.look(new Map([['parcel P1', { weight }]]));
};

describe('a check of a parcel’s weight', () => {
  it.each<[string, number[], string[] | null, number]>([
    ['held all the time', [1, 39], null, 3_000],
    ['may have held whenever it was asked', [1, 50], null, 3_000],
    ['may not have held when it was asked', [1, 50, 1], ['light'], 1_500],
    ['is not what it was undone for', [1], [], 1_500],
  ])('is believed where it %s', (_words, weights, refused, atMs) => {
    weighs(...weights);
    expect(watched.end('x', refused, atMs)).toEqual([]);
  });

  it.each<[string, number[], string[] | null, number, RegExp]>([
    ['never held, and all were said to', [40, 50], null, 3_000, /never held/],
    ['held all the time, and was said not to', [1, 39], ['light'], 1_500, /held all the time/],
    ['was not asked to the end of its bake time', [1], null, 2_999, /asked for 1999 ms/],
  ])('is found broken where it %s', (_words, weights, refused, atMs, fault) => {
    weighs(...weights);
    expect(watched.end('x', refused, atMs).join()).toMatch(fault);
  });
});
