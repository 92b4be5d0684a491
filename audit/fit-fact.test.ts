import { describe, expect, it } from 'vitest';
import { fitFact } from './fit-fact.ts';

const named = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`n${String(count - at).padStart(62, '0')}`, at]));

describe('a fact of many', () => {
  it('is told as it is while it is short', () => {
    for (const few of [{}, named(200), [], ['a']]) expect(fitFact('facts', few)).toEqual({ facts: few });
  });

  it('is told by how many, the first and a digest of all where it is not, however many there are', () => {
    const [first] = Object.entries(named(2_000)).sort();
    const told = fitFact('facts', named(2_000));
    expect(told).toMatchObject({ factsCount: 2_000, factsDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(Object.entries(told.factsFirst as object)[0]).toEqual(first);
    expect(JSON.stringify(told).length).toBeLessThan(2_000);
    expect(fitFact('facts', { ...named(2_000), more: 1 }).factsDigest).not.toBe(told.factsDigest);
  });

  it('of a list keeps its order', () => {
    const list = Array.from({ length: 500 }, (_, at) => ({ rule: `${at}`.padStart(50, '0') }));
    expect(fitFact('rules', list)).toMatchObject({ rulesCount: 500, rulesFirst: list.slice(0, 20) });
  });

  it('has the same digest whatever the order of its names', () => {
    const reversed = Object.fromEntries(Object.entries(named(2_000)).reverse());
    expect(fitFact('facts', reversed)).toEqual(fitFact('facts', named(2_000)));
  });
});
