// Random change sets over random worlds come to what their actions come to one after another.
import { expect, it } from 'vitest';
import { comeToTheSame, noSets } from './naive/change-sets.ts';

const worlds = Number(process.env.EXEQUATUR_SET_WORLDS ?? 400);
const firstSeed = Number(process.env.EXEQUATUR_SEED ?? 1);

it(`a change set is its actions one after another, in ${worlds} random worlds`, async () => {
  const tally = noSets();
  for (let seed = firstSeed; seed < firstSeed + worlds; seed++) await comeToTheSame(seed, tally);
  console.log(JSON.stringify({ changeSets: tally, firstSeed }));
  expect(tally.planned).toBeGreaterThan(worlds);
  expect(tally.actions).toBeGreaterThan(tally.planned);
  expect(tally.merged).toBeGreaterThan(0);
  expect(tally.recreated).toBeGreaterThan(0);
});
