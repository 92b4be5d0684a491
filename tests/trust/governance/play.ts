import { Dice } from '../random-numbers.ts';
import { type Command, drawCommands, kinds } from './commands.ts';
import { Model } from './model.ts';
import { Office } from './office.ts';
import type { Offices } from './offices.ts';

export interface Tally {
  sequences: number;
  /** Left unfinished because they took too long to be compared. */
  slow: number;
  commands: number;
  proposals: number;
  executed: number;
  /** By kind of command: how often it was done, of how many times it was tried. */
  done: Record<string, [done: number, tried: number]>;
  refusals: Record<string, number>;
  statuses: Record<string, number>;
}

export const noTally = (): Tally => ({
  ...{ sequences: 0, slow: 0, commands: 0, proposals: 0, executed: 0, refusals: {}, statuses: {} },
  done: Object.fromEntries(kinds.map((kind) => [kind, [0, 0]])),
});

/** The model's minutes pass when told alone, the product's by themselves as well: after so many seconds of these, what is due at the same minute is not due at once. */
const longestSeconds = 50;
const longest = 80;
const mostAttempts = 60; // To shorten a sequence that fails.
const longestShortening = 20_000;

/** One generated sequence. @throws with the seed and the shortest sequence found that still fails. */
export async function playSeed(offices: Offices, seed: number, tally: Tally): Promise<void> {
  const dice = new Dice(seed);
  const commands = drawCommands(dice, longest - dice.roll(40), new Model());
  const difference = await differenceIn(offices, commands, tally);
  tally.sequences++;
  if (difference === null) return;
  console.error(`EXEQUATUR_SEED=${seed}: ${difference.words}; looking for a shorter sequence`);
  const shortest = await shorten(offices, commands.slice(0, difference.at + 1));
  const shown = await differenceIn(offices, shortest, noTally());
  throw new Error(
    `EXEQUATUR_SEED=${seed}: ${(shown ?? difference).words}\nafter\n${shortest.map((command) => `  ${JSON.stringify(command)}`).join('\n')}`,
  );
}

interface Difference {
  /** The command after which they differ. */
  at: number;
  words: string;
}

/** Plays a sequence on both sides, and compares them after each command. */
export async function differenceIn(offices: Offices, commands: readonly Command[], tally: Tally): Promise<Difference | null> {
  const office = await Office.open(offices);
  const model = new Model();
  const from = performance.now();
  for (const [at, command] of commands.entries()) {
    if (performance.now() - from > longestSeconds * 1_000) {
      tally.slow++;
      return null;
    }
    const expected = model.play(command);
    let found: boolean;
    try {
      found = await office.play(command);
    } catch (error) {
      return { at, words: `the product throws ${(error as Error).stack}` };
    }
    count(tally, command, found);
    const words = describe(
      { done: expected, statuses: model.proposals.map(({ status, revision }) => `${status} ${revision}`) },
      { done: found, statuses: office.statuses },
    );
    if (words !== null) return { at, words: `${words}; last refused: ${office.lastRefused}` };
  }
  for (const [code, times] of Object.entries(office.refusals)) tally.refusals[code] = (tally.refusals[code] ?? 0) + times;
  const expected = [...model.slots, `box of ${model.box}`].sort();
  for (const { status } of model.proposals) tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
  tally.proposals += model.proposals.length;
  tally.executed += model.proposals.filter(({ status }) => status === 'executed').length;
  const made = await office.made();
  return made.join() === expected.join() ? null : { at: commands.length - 1, words: `there is ${made}, and should be ${expected}` };
}

interface Side {
  done: boolean;
  statuses: string[];
}

function describe(expected: Side, found: Side): string | null {
  if (expected.done !== found.done)
    return `the last command was ${found.done ? '' : 'not '}done, and should ${expected.done ? '' : 'not '}have been`;
  const at = Array.from({ length: Math.max(expected.statuses.length, found.statuses.length) }).findIndex(
    (_, one) => expected.statuses[one] !== found.statuses[one],
  );
  return at === -1 ? null : `proposal ${at} is ${found.statuses[at]}, and should be ${expected.statuses[at]}`;
}

/** Leaves out what is not needed for the difference: halves first, then smaller pieces, then single commands. */
async function shorten(offices: Offices, failing: readonly Command[]): Promise<readonly Command[]> {
  let shortest = failing;
  let attempts = 0;
  const end = performance.now() + longestShortening;
  for (let piece = Math.ceil(shortest.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let from = 0; from < shortest.length && attempts < mostAttempts && performance.now() < end; attempts++) {
      const fewer = [...shortest.slice(0, from), ...shortest.slice(from + piece)];
      const difference = await differenceIn(offices, fewer, noTally());
      if (difference === null) from += piece;
      else shortest = fewer.slice(0, difference.at + 1);
    }
  }
  return shortest;
}

function count(tally: Tally, { do: kind }: Command, done: boolean): void {
  tally.commands++;
  const counted = tally.done[kind];
  if (counted === undefined) return;
  counted[1]++;
  if (done) counted[0]++;
}
