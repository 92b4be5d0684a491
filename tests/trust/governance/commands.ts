/** What happens to a tenant, drawn by a seed. Proposals go by the order in which they were made, so that a shortened sequence still means something. */
import type { Dice } from '../random-numbers.ts';
import { actionTypes, policySets, refills, waits } from './rules.ts';

export const people = ['ann', 'ben', 'cleo', 'dora', 'eve'] as const;
export const principals = [...people, 'bot'] as const;
export const roles = ['keeper', 'officer', 'operator', 'ontology-admin', 'access-admin'] as const;
const teams = ['red', 'blue', 'green'] as const;

export type Decision = 'approve' | 'reject' | 'request_changes';

/** Whose reviewing another is to do, minutes from now; from its being granted on where it begins at no time of its own. */
export interface Grant {
  to: string;
  role: string | null;
  action: string | null;
  from: number | null;
  until: number;
}

/** A change of what governs. */
export type Governing = { on: string } | { policies: number } | { grant: Grant };

export type StepFate = 'once' | 'twice' | 'cut early' | 'cut late' | 'killed early' | 'killed late';

/**
 * `cut`: the connection is lost, or the process dies, before the commit. `again`: after it, so that the caller asks once more. A step that is `killed` loses its process by
 * kill -9, at its first lock or right before it would be through.
 */
export type Command =
  | { do: 'propose'; by: string; action: string; size: number; after: number | null; cut: boolean; again?: boolean }
  | { do: 'step'; of: number; how: StepFate }
  | {
      do: 'review';
      of: number;
      by: string;
      decision: Decision;
      claims: readonly string[];
      behalf?: string | null;
      former: boolean;
      cut: boolean;
      again?: boolean;
    }
  | { do: 'revise'; of: number; by: string; size: number; cut: boolean }
  | { do: 'revert'; of: number; by: string; cut: boolean; again?: boolean }
  | { do: 'govern'; by: string; what: Governing; cut: boolean; again?: boolean }
  | { do: 'grant'; by: string; what: Grant }
  | { do: 'revoke'; by: string; nth: number; cut: boolean }
  | { do: 'breakGlass'; of: number; by: string; cut: boolean; again?: boolean }
  | { do: 'lookBack'; of: number; by: string; cut: boolean }
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

const most = 6; // Proposals that a sequence speaks of.

/** What a sequence is about, mostly: of everything at once little comes to its end. */
interface Theme {
  /** Instead of the usual ones. */
  weights: Partial<Record<Command['do'], number>>;
  actions: readonly string[];
  /** In percent, of reviews. */
  behalf: number;
}

/** And how many proposals there are to speak of. */
type Drawing = Theme & { made: number };

const none = { govern: 0, grant: 0, revoke: 0, breakGlass: 0, lookBack: 0 };
const themes: readonly Theme[] = [
  { weights: {}, actions: actionTypes, behalf: 15 },
  { weights: none, actions: actionTypes, behalf: 0 },
  { weights: { ...none, breakGlass: 24, lookBack: 14, grant: 3 }, actions: ['urgent', 'urgent', 'night'], behalf: 10 },
  { weights: { ...none, grant: 14, revoke: 4 }, actions: actionTypes, behalf: 60 },
  { weights: { propose: 6, govern: 24, grant: 0, breakGlass: 0, lookBack: 0, switch: 8 }, actions: actionTypes, behalf: 10 },
];

const switchOf = (dice: Dice) => {
  const scope = dice.pick(['tenant', 'actionType', 'agent', 'principal'] as const);
  const names = { tenant: 'all', actionType: dice.pick(actionTypes), agent: dice.pick(['all', 'bot']), principal: dice.pick(principals) };
  return { scope, name: names[scope] };
};

/** Whom somebody asks first to stand in: of pairs drawn at random few would meet again. */
const deputies: Readonly<Record<string, string>> = { ann: 'eve', ben: 'cleo', cleo: 'ben', dora: 'ann', eve: 'dora' };

const grantOf = (dice: Dice, by: string): Grant => ({
  to: dice.chance(70) ? (deputies[by] ?? 'bot') : dice.pick(principals),
  role: dice.chance(50) ? null : dice.pick(['keeper', 'officer']),
  action: dice.chance(60) ? null : dice.pick(actionTypes),
  from: dice.chance(80) ? null : dice.pick([-3, 7]),
  until: dice.pick([12, 42, 92]),
});

const reviewerOf = (dice: Dice, percent: number): { by: string; behalf: string | null } => {
  if (!dice.chance(percent)) return { by: dice.chance(4) ? 'bot' : dice.pick(people), behalf: null };
  const behalf = dice.pick(people);
  return { behalf, by: dice.chance(80) ? (deputies[behalf] ?? behalf) : dice.pick(people) };
};

const governingOf = (dice: Dice, by: string): Governing => {
  const turn = dice.roll(3);
  if (turn === 0) return { policies: dice.roll(policySets.length) };
  if (turn === 1) return { grant: grantOf(dice, by) };
  const { scope, name } = switchOf(dice);
  return { on: `${scope}/${name}` };
};

const drawn: Readonly<Record<Command['do'], { weight: number; draw(dice: Dice, theme: Drawing): Command }>> = {
  propose: {
    weight: 14,
    draw: (dice, { actions }) => ({
      do: 'propose',
      by: dice.chance(45) ? 'bot' : dice.pick(people),
      action: actions === actionTypes && dice.chance(40) ? dice.pick(refills) : dice.pick(actions),
      size: 1 + dice.roll(6),
      after: dice.chance(15) ? dice.pick([7, 17]) : null,
      cut: dice.chance(8),
      again: dice.chance(8),
    }),
  },
  step: {
    weight: 44,
    draw: (dice, theme) => ({
      do: 'step',
      of: dice.roll(theme.made),
      how: dice.chance(1)
        ? dice.pick(['killed early', 'killed late'] as const) // A second each, until the next process is up.
        : dice.pick(['once', 'once', 'once', 'twice', 'cut early', 'cut late'] as const),
    }),
  },
  review: {
    weight: 46,
    draw: (dice, theme) => ({
      do: 'review',
      of: dice.roll(theme.made),
      ...reviewerOf(dice, theme.behalf),
      decision: dice.chance(75) ? 'approve' : dice.pick(['reject', 'request_changes', 'request_changes']),
      claims: dice.chance(85) ? roles : [dice.pick(roles)],
      former: dice.chance(5),
      cut: dice.chance(6),
      again: dice.chance(6),
    }),
  },
  revise: {
    weight: 10,
    draw: (dice, theme) => ({
      do: 'revise',
      of: dice.roll(theme.made),
      by: dice.chance(75) ? 'bot' : dice.pick(people),
      size: 1 + dice.roll(6),
      cut: dice.chance(8),
    }),
  },
  revert: {
    weight: 6,
    draw: (dice, theme) => ({
      do: 'revert',
      of: dice.roll(theme.made),
      by: dice.pick(principals),
      cut: dice.chance(10),
      again: dice.chance(10),
    }),
  },
  govern: {
    weight: 9,
    draw: (dice) => {
      const by = dice.pick(principals);
      return { do: 'govern', by, what: governingOf(dice, by), cut: dice.chance(8), again: dice.chance(10) };
    },
  },
  grant: {
    weight: 6,
    draw: (dice) => {
      const by = dice.pick(people);
      return { do: 'grant', by, what: grantOf(dice, by) };
    },
  },
  revoke: { weight: 2, draw: (dice) => ({ do: 'revoke', by: dice.pick(principals), nth: dice.roll(4), cut: dice.chance(10) }) },
  breakGlass: {
    weight: 8,
    draw: (dice, theme) => ({
      do: 'breakGlass',
      of: dice.roll(theme.made),
      by: dice.pick(principals),
      cut: dice.chance(8),
      again: dice.chance(8),
    }),
  },
  lookBack: {
    weight: 3,
    draw: (dice, theme) => ({ do: 'lookBack', of: dice.roll(theme.made), by: dice.pick(principals), cut: dice.chance(8) }),
  },
  withdraw: {
    weight: 3,
    draw: (dice, theme) => ({ do: 'withdraw', of: dice.roll(theme.made), by: dice.pick(principals), cut: dice.chance(10) }),
  },
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
    draw: (dice) => ({ do: 'switch', ...switchOf(dice), on: dice.chance(65), cut: dice.chance(10) }),
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

/** Who foresees what a command would do. */
interface Foresight {
  readonly proposals: readonly unknown[];
  play(command: Command): boolean;
  copy(): Foresight;
}

/**
 * A sequence. What would be refused or change nothing is drawn again a few times, mostly: proposals are to get somewhere, and refusals to remain frequent.
 * `foresight` plays along.
 */
export function drawCommands(dice: Dice, count: number, foresight: Foresight): Command[] {
  const theme = dice.pick(themes);
  const urn = kinds.flatMap((kind) => Array.from({ length: theme.weights[kind] ?? drawn[kind].weight }, () => kind));
  return Array.from({ length: count }, () => {
    const { draw } = drawn[dice.pick(urn)];
    const drawing = { ...theme, made: Math.min(most, Math.max(1, foresight.proposals.length)) };
    let command = draw(dice, drawing);
    for (let again = dice.chance(75) ? 12 : 0; again > 0 && !foresight.copy().play(command); again--) command = draw(dice, drawing);
    foresight.play(command);
    return command;
  });
}
