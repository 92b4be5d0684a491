// Random sequences of what people, administrators, time and crashes do, on a clone from tests/support/database.ts and on a small model: both come to the same.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Command } from './governance/commands.ts';
import { Model } from './governance/model.ts';
import { Offices } from './governance/office.ts';
import { differenceIn, noTally, playSeed } from './governance/play.ts';

const seconds = Number(process.env.EXEQUATUR_GOVERNANCE_SECONDS ?? 12); // `npm run soak -- governance` gives it longer.
const firstSeed = Number(process.env.EXEQUATUR_SEED ?? 1); // The soak goes on where this stops.

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

it('a review finds what the earlier ones have come to since', async () => {
  // Cleo's token spoke for a keeper alone; by standing, an officer, her refusal bars both thresholds of the stage.
  const both = ['keeper', 'officer'];
  const review = { do: 'review' as const, of: 0, former: false, cut: false };
  const commands: Command[] = [
    { do: 'roles', who: 'eve', roles: ['officer'] },
    { do: 'propose', by: 'bot', action: 'either', size: 5, after: null, cut: false },
    { do: 'step', of: 0, how: 'once' },
    { ...review, by: 'cleo', decision: 'reject', claims: ['keeper'] },
    { ...review, by: 'eve', decision: 'approve', claims: both },
  ];
  expect(await differenceIn(offices, commands, noTally())).toBeNull();
});

it('nobody reviews who acts for one who acts for the proposer', async () => {
  const commands: Command[] = [
    { do: 'propose', by: 'bot', action: 'either', size: 3, after: null, cut: false },
    { do: 'actFor', who: 'ben', whom: 'bot' },
    { do: 'actFor', who: 'ann', whom: 'ben' },
    { do: 'step', of: 0, how: 'once' },
    { do: 'review', of: 0, by: 'ann', decision: 'approve', claims: ['keeper', 'officer'], former: false, cut: false },
  ];
  expect(await differenceIn(offices, commands, noTally())).toBeNull();
  const throughAnAgent: Command[] = [
    { do: 'actFor', who: 'ben', whom: 'bot' },
    { do: 'propose', by: 'ann', action: 'staged', size: 1, after: null, cut: false },
    { do: 'step', of: 0, how: 'once' },
    { do: 'review', of: 0, by: 'ben', decision: 'approve', claims: ['keeper', 'officer'], former: false, cut: false },
    { do: 'actFor', who: 'bot', whom: 'ann' },
    { do: 'step', of: 0, how: 'once' },
  ];
  expect(await differenceIn(offices, throughAnAgent, noTally())).toBeNull();
  const model = new Model();
  expect(commands.map((command) => model.play(command)).at(-1)).toBe(false);
});
