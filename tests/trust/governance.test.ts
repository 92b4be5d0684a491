// Random sequences of what people, administrators, time and crashes do, on a clone from tests/support/database.ts and on a small model: both come to the same.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Offices } from './governance/office.ts';
import { noTally, playSeed } from './governance/play.ts';

const seconds = Number(process.env.EXEQUATUR_GOVERNANCE_SECONDS ?? 12); // `npm run soak -- governance` gives it longer.
const firstSeed = Number(process.env.EXEQUATUR_SEED ?? Date.now() % 1_000_000);

let offices: Offices;
beforeAll(async () => {
  offices = await Offices.open();
});
afterAll(() => offices.close());

it(
  `what is executed, and where every other proposal stands, is what the model says (EXEQUATUR_SEED=${firstSeed})`,
  async () => {
    const tally = noTally();
    const end = performance.now() + seconds * 1_000;
    for (let seed = firstSeed; performance.now() < end; seed++) await playSeed(offices, seed, tally);
    console.log(JSON.stringify({ soak: 'governance', firstSeed, ...tally }));
    const never = Object.entries(tally.done).flatMap(([kind, [done]]) => (done === 0 ? [kind] : []));
    if (never.length > 0) console.warn(`never done, so nothing is shown of them: ${never}`);
    if (seconds >= 60) expect(never).toEqual([]);
    expect(tally.executed).toBeGreaterThan(0);
  },
  (seconds + 120) * 1_000,
);
