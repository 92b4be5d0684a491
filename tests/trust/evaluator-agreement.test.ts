// The evaluator and a second one, written apart from it, agree (docs/trust.md).
import { expect, it } from 'vitest';
import { agreeOn, noTally } from './naive/agreement.ts';
import { kinds } from './naive/world.ts';

const cases = 6_000;
const firstSeed = Number(process.env.SEED ?? 1);
const fewest = 60;
const rules = [
  'modify',
  'create',
  'createOrModify',
  'delete',
  'link',
  'unlink',
  'if',
  'forEach link',
  'forEach path',
  'forEach query',
  'forEach list',
  'rule over an interface',
];

it(`agrees with a second evaluator on ${cases} generated cases, in any order of rules, there and back`, { timeout: 300_000 }, async () => {
  const tally = noTally();
  for (let seed = firstSeed; tally.cases < cases; seed++) await agreeOn(seed, tally);
  console.log(JSON.stringify({ firstSeed, ...tally }));
  expect(tally.planned).toBeGreaterThan(cases / 4);
  expect(tally.invalid).toBeGreaterThan(cases / 10);
  const seldom = [...rules, ...kinds.map((kind) => `value ${kind}`)].filter((what) => (tally.seen[what] ?? 0) < fewest);
  expect(seldom).toEqual([]);
});
