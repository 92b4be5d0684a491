/** What happens to a tenant, drawn by a seed. Proposals go by the order in which they were made, so that a shortened sequence still means something. */
import type { Dice } from '../random-numbers.ts';
import { actionTypes, policySets, refills, waits } from './rules.ts';

export const people = ['ann', 'ben', 'cleo', 'dora', 'eve'] as const;
export const principals = [...people, 'bot'] as const;
const roles = ['keeper', 'officer'] as const;
const teams = ['red', 'blue', 'green'] as const;

export type Decision = 'approve' | 'reject' | 'request_changes';

/** `cut`: the connection is lost, or the process dies, before the commit. */
export type Command =
  | { do: 'propose'; by: string; action: string; size: number; after: number | null; cut: boolean }
  | { do: 'step'; of: number; how: 'once' | 'twice' | 'cut early' | 'cut late' }
  | { do: 'review'; of: number; by: string; decision: Decision; claims: readonly string[]; former: boolean; cut: boolean }
  | { do: 'revise'; of: number; by: string; size: number; cut: boolean }
  | { do: 'revert'; of: number; by: string; cut: boolean }
  | { do: 'withdraw'; of: number; by: string; cut: boolean }
  | { do: 'roles'; who: string; roles: readonly string[] }
  | { do: 'teams'; who: string; teams: readonly string[] }
  | { do: 'disable'; who: string; disabled: boolean }
  | { do: 'link'; who: string; others: readonly string[] }
  | { do: 'actFor'; who: string; whom: string | null }
  | { do: 'switch'; scope: 'tenant' | 'actionType' | 'agent' | 'principal'; name: string; on: boolean; cut: boolean }
  | { do: 'freeze'; action: string | null; from: number; minutes: number }
  | { do: 'enforce'; set: number }
  | { do: 'wait'; minutes: number };

const most = 5; // Proposals that a sequence speaks of.

const drawn: Readonly<Record<Command['do'], { weight: number; draw(dice: Dice): Command }>> = {
  propose: {
    weight: 14,
    draw: (dice) => ({
      do: 'propose',
      by: dice.chance(45) ? 'bot' : dice.pick(people),
      action: dice.chance(40) ? dice.pick(refills) : dice.pick(actionTypes),
      size: 1 + dice.roll(6),
      after: dice.chance(15) ? dice.pick([7, 17]) : null,
      cut: dice.chance(8),
    }),
  },
  step: {
    weight: 40,
    draw: (dice) => ({ do: 'step', of: dice.roll(most), how: dice.pick(['once', 'once', 'once', 'twice', 'cut early', 'cut late']) }),
  },
  review: {
    weight: 46,
    draw: (dice) => ({
      do: 'review',
      of: dice.roll(most),
      by: dice.chance(4) ? 'bot' : dice.pick(people),
      decision: dice.chance(75) ? 'approve' : dice.pick(['reject', 'request_changes', 'request_changes']),
      claims: dice.chance(85) ? roles : [dice.pick(roles)],
      former: dice.chance(5),
      cut: dice.chance(6),
    }),
  },
  revise: {
    weight: 10,
    draw: (dice) => ({
      do: 'revise',
      of: dice.roll(most),
      by: dice.chance(75) ? 'bot' : dice.pick(people),
      size: 1 + dice.roll(6),
      cut: dice.chance(8),
    }),
  },
  revert: { weight: 6, draw: (dice) => ({ do: 'revert', of: dice.roll(most), by: dice.pick(principals), cut: dice.chance(10) }) },
  withdraw: { weight: 3, draw: (dice) => ({ do: 'withdraw', of: dice.roll(most), by: dice.pick(principals), cut: dice.chance(10) }) },
  roles: { weight: 4, draw: (dice) => ({ do: 'roles', who: dice.pick(people), roles: roles.filter(() => dice.chance(60)) }) },
  teams: { weight: 3, draw: (dice) => ({ do: 'teams', who: dice.pick(people), teams: teams.filter(() => dice.chance(50)) }) },
  disable: { weight: 4, draw: (dice) => ({ do: 'disable', who: dice.pick(principals), disabled: dice.chance(30) }) },
  link: {
    weight: 4,
    draw: (dice) => {
      const who = dice.pick(people);
      return { do: 'link', who, others: people.filter((other) => other !== who && dice.chance(20)) };
    },
  },
  actFor: {
    weight: 3,
    draw: (dice) => {
      const who = dice.chance(70) ? 'bot' : dice.pick(people);
      const whom = dice.pick(principals);
      return { do: 'actFor', who, whom: whom === who || dice.chance(30) ? null : whom };
    },
  },
  switch: {
    weight: 6,
    draw: (dice) => {
      const scope = dice.pick(['tenant', 'actionType', 'agent', 'principal'] as const);
      const name = {
        tenant: 'all',
        actionType: dice.pick(actionTypes),
        agent: dice.pick(['all', 'bot']),
        principal: dice.pick(principals),
      }[scope];
      return { do: 'switch', scope, name, on: dice.chance(65), cut: dice.chance(10) };
    },
  },
  freeze: {
    weight: 2,
    draw: (dice) => ({
      do: 'freeze',
      action: dice.chance(50) ? null : dice.pick(actionTypes),
      from: dice.pick([-3, 7]),
      minutes: dice.pick([15, 30]),
    }),
  },
  enforce: { weight: 5, draw: (dice) => ({ do: 'enforce', set: dice.roll(policySets.length) }) },
  wait: { weight: 6, draw: (dice) => ({ do: 'wait', minutes: dice.pick(waits) }) },
};

export const kinds = Object.keys(drawn) as Command['do'][];

/**
 * A sequence. What would be refused or change nothing is drawn again a few times, mostly: proposals are to get somewhere, and refusals to remain frequent.
 * `isDone` says whether the last of these commands would be done.
 */
export function drawCommands(dice: Dice, count: number, isDone: (commands: readonly Command[]) => boolean): Command[] {
  const urn = kinds.flatMap((kind) => Array.from({ length: drawn[kind].weight }, () => kind));
  const commands: Command[] = [];
  while (commands.length < count) {
    const { draw } = drawn[dice.pick(urn)];
    let command = draw(dice);
    for (let again = dice.chance(75) ? 8 : 0; again > 0 && !isDone([...commands, command]); again--) command = draw(dice);
    commands.push(command);
  }
  return commands;
}
