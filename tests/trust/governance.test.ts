// Random sequences of what people, administrators, time and crashes do, on a clone from tests/support/database.ts and on a small model: both come to the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Command, Decision, Governing, StepFate } from './governance/commands.ts';
import { Model } from './governance/model.ts';
import { Offices } from './governance/offices.ts';
import { differenceIn, noTally, playSeed } from './governance/play.ts';

const seconds = Number(process.env.EXEQUATUR_GOVERNANCE_SECONDS ?? 12); // `npm run soak -- governance` gives it longer.
const firstSeed = Number(process.env.EXEQUATUR_SEED ?? 1); // The soak goes on where this stops.

const fewest = 4; // Sequences, on a machine however slow, and as many more as it takes for one to get to an execution.

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
    const isEnough = (seed: number) => performance.now() >= end && seed >= firstSeed + fewest && tally.executed > 0;
    for (let seed = firstSeed; !isEnough(seed); seed++) await playSeed(offices, seed, tally);
    console.log(JSON.stringify({ soak: 'governance', firstSeed, ...tally }));
    const never = Object.entries(tally.done).flatMap(([kind, [done]]) => (done === 0 ? [kind] : []));
    if (never.length > 0) console.warn(`never done, so nothing is shown of them: ${never}`);
    if (seconds >= 60) expect(never).toEqual([]);
  },
  (seconds + 600) * 1_000, // A sequence takes fifty seconds at most.
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

it('what policy alone approved, and policies refuse to execute, is simulated again and asked of people; two steps at once are one', async () => {
  const review = { do: 'review' as const, of: 0, decision: 'approve' as const, claims: ['keeper', 'officer'], former: false, cut: false };
  const step = { do: 'step' as const, of: 0, how: 'once' as const };
  const commands: Command[] = [
    { do: 'enforce', set: 1 },
    { do: 'roles', who: 'eve', roles: ['keeper'] },
    { do: 'propose', by: 'ann', action: 'refillAlone', size: 2, after: null, cut: false },
    step,
    { ...step, how: 'twice' },
    step,
    { ...review, by: 'eve' },
    step,
    { do: 'enforce', set: 0 },
    step,
    step,
    { do: 'revert', of: 0, by: 'ann', cut: false },
    { ...step, of: 1 },
    { ...review, of: 1, by: 'eve' },
    { ...step, of: 1 },
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

it('nobody reviews what a second identity of theirs proposed, also where it is linked only then', async () => {
  const review = { do: 'review' as const, decision: 'approve' as const, claims: ['keeper', 'officer'], former: false, cut: false };
  const commands: Command[] = [
    { do: 'propose', by: 'ann', action: 'staged', size: 1, after: null, cut: false },
    { do: 'step', of: 0, how: 'once' },
    { do: 'link', who: 'ann', others: ['ben'] },
    { ...review, of: 0, by: 'ben' },
    { ...review, of: 0, by: 'eve' },
    { do: 'link', who: 'ann', others: ['eve'] },
    { do: 'step', of: 0, how: 'once' },
  ];
  expect(await differenceIn(offices, commands, noTally())).toBeNull();
  const model = new Model();
  expect(commands.map((command) => model.play(command)).slice(3, 5)).toEqual([false, true]);
  expect(model.proposals.map(({ status }) => status)).toEqual(['awaiting_approval']);
});

describe('what fills the one box, and what takes that back', () => {
  const propose = (by: string, action: string, size: number): Command => ({ do: 'propose', by, action, size, after: null, cut: false });
  const step = (of: number): Command => ({ do: 'step', of, how: 'once' });
  const approve = (of: number, by: string): Command => {
    return { do: 'review', of, by, decision: 'approve', claims: ['keeper', 'officer'], former: false, cut: false };
  };
  const filled = (of: number): Command[] => [propose('ann', 'refillAlone', 1), step(of), step(of)];
  const takenBack = (of: number, revert: number): Command[] => [{ do: 'revert', of, by: 'ann', cut: false }, step(revert), step(revert)];

  it.each<[string, Command[], string[]]>([
    [
      'a plan that is stale at its execution is made again',
      [propose('ann', 'refillAlone', 1), step(0), ...filled(1), step(0), step(0), step(0)],
      ['executed 1', 'executed 1'],
    ],
    [
      'a plan that is stale at a review is made again, and no longer has those of before',
      [propose('bot', 'refill', 5), step(0), approve(0, 'ben'), ...filled(1), approve(0, 'dora'), step(0), approve(0, 'dora')],
      ['awaiting_approval 1', 'executed 1'],
    ],
    [
      'an equal plan keeps its reviews',
      [
        ...[propose('bot', 'refill', 5), step(0), approve(0, 'ben'), ...filled(1), ...takenBack(1, 2)],
        ...[approve(0, 'dora'), step(0), approve(0, 'dora'), step(0)],
      ],
      ['executed 1', 'executed 1', 'executed 1'],
    ],
    [
      'a plan that was another in between has none of its former reviews',
      [
        ...[propose('bot', 'refill', 5), step(0), approve(0, 'ben'), ...filled(1), approve(0, 'dora'), step(0), ...takenBack(1, 2)],
        ...[approve(0, 'cleo'), step(0), approve(0, 'dora'), step(0)],
      ],
      ['awaiting_approval 1', 'executed 1', 'executed 1'],
    ],
    [
      'what others wrote since is not taken back',
      [...filled(0), ...filled(1), ...takenBack(0, 2)],
      ['executed 1', 'executed 1', 'invalid 1'],
    ],
    [
      'what was done again by taking a revert back is taken back again, and by one at a time',
      [
        ...[...filled(0), ...takenBack(0, 1), ...takenBack(1, 2)],
        ...([
          { do: 'revert', of: 0, by: 'ann', cut: false },
          { do: 'revert', of: 2, by: 'bot', cut: false },
        ] as Command[]),
        ...([step(3), step(3), { do: 'revert', of: 2, by: 'ann', cut: false }, ...takenBack(1, 4), ...takenBack(3, 5)] as Command[]),
      ],
      ['executed 1', 'executed 1', 'executed 1', 'executed 1', 'executed 1'],
    ],
    [
      'a revert is taken back as well, and nothing twice',
      [...filled(0), ...takenBack(0, 1), ...takenBack(0, 2), ...takenBack(1, 2)],
      ['executed 1', 'executed 1', 'executed 1'],
    ],
  ])('%s', async (_, commands, statuses) => {
    const model = new Model();
    for (const command of commands) model.play(command);
    expect(model.proposals.map(({ status, revision }) => `${status} ${revision}`)).toEqual(statuses);
    expect(await differenceIn(offices, commands, noTally())).toBeNull();
  });
});

describe('what stands in for people, or changes who is asked', () => {
  const all = ['keeper', 'officer', 'operator', 'ontology-admin', 'access-admin'];
  const propose = (by: string, action: string): Command => ({ do: 'propose', by, action, size: 1, after: null, cut: false });
  const step = (of: number, how: StepFate = 'once'): Command => ({ do: 'step', of, how });
  const review = (of: number, by: string, behalf: string | null = null, decision: Decision = 'approve'): Command => {
    return { do: 'review', of, by, behalf, decision, claims: all, former: false, cut: false };
  };
  const grant = { role: null, action: null, from: null, until: 42 };
  const breakGlass = (of: number, by: string): Command => ({ do: 'breakGlass', of, by, cut: false });
  const lookBack = (of: number, by: string): Command => ({ do: 'lookBack', of, by, cut: false });
  const govern = (by: string, what: Governing): Command => ({ do: 'govern', by, what, cut: false });
  const smoke = { do: 'switch', scope: 'tenant', name: 'all', on: false, cut: false } as const;

  it.each<[string, Command[], string[]]>([
    [
      'a deputy approves in the place of another, and not once that is revoked',
      [
        ...[{ do: 'grant', by: 'ann', what: { ...grant, to: 'eve' } } as const, propose('bot', 'staged'), step(0), review(0, 'eve', 'ann')],
        ...[{ do: 'revoke', by: 'ann', nth: 0, cut: false } as const, step(0)],
      ],
      ['awaiting_approval'],
    ],
    [
      'what a deputy approved was not said once that is revoked, and so either of them may say it again',
      [
        ...[{ do: 'grant', by: 'ann', what: { ...grant, to: 'eve' } } as const, propose('bot', 'staged'), step(0), review(0, 'eve', 'ann')],
        ...[{ do: 'revoke', by: 'ann', nth: 0, cut: false } as const, step(0), review(0, 'ann'), step(0)],
        ...[{ do: 'grant', by: 'ann', what: { ...grant, to: 'eve' } } as const, propose('bot', 'staged'), step(1), review(1, 'eve', 'ann')],
        ...[{ do: 'roles', who: 'ann', roles: [] } as const, step(1), review(1, 'eve'), step(1)],
      ],
      ['executed', 'executed'],
    ],
    [
      'of a deputy and whoever granted it one counts',
      [
        { do: 'grant', by: 'ben', what: { ...grant, to: 'cleo' } },
        propose('bot', 'pair'),
        step(0),
        review(0, 'ben'),
        review(0, 'cleo', 'ben'),
      ],
      ['awaiting_approval'],
    ],
    [
      'a delegation ends by itself',
      [
        ...[{ do: 'grant', by: 'ann', what: { ...grant, to: 'eve', until: 12 } } as const, propose('bot', 'staged'), step(0)],
        ...[review(0, 'eve', 'ann'), { do: 'wait', minutes: 25 } as const, step(0)],
      ],
      ['awaiting_approval'],
    ],
    [
      'a delegation holds once another person has approved it, and what it is for alone',
      [
        govern('ann', { grant: { ...grant, to: 'eve', action: 'staged' } }),
        ...[step(0), propose('bot', 'staged'), propose('bot', 'either'), step(1), step(2)],
        ...[
          review(1, 'eve', 'ann'),
          review(0, 'ann'),
          review(0, 'cleo'),
          step(0),
          review(2, 'eve', 'ann'),
          review(1, 'eve', 'ann'),
          step(1),
        ],
      ],
      ['executed', 'executed', 'awaiting_approval'],
    ],
    [
      'a delegation whose time passes before it is granted is never granted',
      [
        govern('ann', { grant: { ...grant, to: 'eve', until: 12 } }),
        ...[step(0), review(0, 'cleo'), { do: 'wait', minutes: 25 } as const, step(0), step(0)],
      ],
      ['invalid'],
    ],
    [
      'in an emergency fewer approve, none of them whoever takes it upon them, and somebody else looks back',
      [
        ...[propose('bot', 'urgent'), step(0), breakGlass(0, 'dora'), review(0, 'ben'), breakGlass(0, 'ben'), breakGlass(0, 'dora')],
        ...[breakGlass(0, 'dora'), step(0), lookBack(0, 'dora'), lookBack(0, 'eve'), lookBack(0, 'ben')],
      ],
      ['executed'],
    ],
    [
      'nobody looks back at an emergency who approved it, or acts for who did or took it upon them',
      [
        ...[propose('bot', 'urgent'), step(0), review(0, 'ben'), breakGlass(0, 'dora'), step(0), lookBack(0, 'ben')],
        ...[{ do: 'actFor', who: 'ann', whom: 'ben' } as const, lookBack(0, 'ann')],
        ...[{ do: 'actFor', who: 'eve', whom: 'dora' } as const, lookBack(0, 'eve'), lookBack(0, 'cleo')],
      ],
      ['executed'],
    ],
    [
      'nor does who had it approved by a deputy, or took the approval back',
      [
        ...[{ do: 'grant', by: 'ben', what: { ...grant, to: 'cleo' } } as const, propose('bot', 'urgent'), step(0)],
        ...[
          { do: 'roles', who: 'ann', roles: ['keeper'] } as const,
          review(0, 'cleo', 'ben'),
          review(0, 'ann'),
          review(0, 'ann', null, 'reject'),
          breakGlass(0, 'dora'),
          step(0),
        ],
        ...[lookBack(0, 'ben'), lookBack(0, 'ann'), lookBack(0, 'eve')],
      ],
      ['executed'],
    ],
    [
      'what was approved in an emergency waits again once whoever broke the glass may no longer',
      [
        ...[propose('bot', 'urgent'), step(0), review(0, 'ben'), breakGlass(0, 'dora')],
        ...[{ do: 'roles', who: 'dora', roles: ['operator'] } as const, step(0)],
      ],
      ['awaiting_approval'],
    ],
    [
      'what somebody denied stays denied, whatever is taken from them by then',
      [
        ...[{ do: 'roles', who: 'cleo', roles: ['keeper'] } as const, { do: 'roles', who: 'ann', roles: ['keeper'] } as const],
        ...[propose('bot', 'pair'), step(0), review(0, 'cleo', null, 'reject'), { do: 'roles', who: 'cleo', roles: [] } as const],
        ...[review(0, 'ann', null, 'reject')],
        ...[propose('bot', 'pair'), step(1), review(1, 'eve', null, 'reject'), { do: 'disable', who: 'eve', disabled: true } as const],
        ...[review(1, 'ben', null, 'reject')],
      ],
      ['rejected', 'rejected'],
    ],
    [
      'so does what a deputy denied, unless whose denial it is takes it back',
      [
        ...[{ do: 'roles', who: 'ann', roles: ['keeper'] } as const, { do: 'grant', by: 'ann', what: { ...grant, to: 'dora' } } as const],
        ...[propose('bot', 'pair'), step(0), review(0, 'dora', 'ann', 'reject'), propose('bot', 'pair'), step(1)],
        ...[review(1, 'dora', 'ann', 'reject'), { do: 'revoke', by: 'ann', nth: 0, cut: false } as const],
        ...[review(0, 'ben', null, 'reject'), review(1, 'ann'), review(1, 'ben', null, 'reject')],
      ],
      ['rejected', 'awaiting_approval'],
    ],
    [
      'what policy alone approved is asked of people once its proposer may no longer propose it',
      [
        ...[propose('eve', 'alone'), step(0), { do: 'roles', who: 'eve', roles: ['access-admin'] } as const, step(0), step(0)],
        ...[propose('eve', 'alone'), step(0)],
      ],
      ['awaiting_approval'],
    ],
    [
      'what people approved is theirs, whatever becomes of who proposed it',
      [propose('eve', 'staged'), step(0), review(0, 'ann'), { do: 'roles', who: 'eve', roles: [] }, step(0)],
      ['executed'],
    ],
    [
      'whoever is disabled under one name counts under none, nor does what they proposed run',
      [
        ...[propose('bot', 'staged'), step(0), review(0, 'ben'), propose('ben', 'staged'), step(1), review(1, 'ann')],
        ...[{ do: 'link', who: 'ben', others: ['eve'] } as const, { do: 'disable', who: 'eve', disabled: true } as const],
        ...[step(0), step(1), propose('ben', 'alone')],
      ],
      ['awaiting_approval', 'scheduled'],
    ],
    [
      'an emergency passes a freeze window, and no switch',
      [
        ...[{ do: 'freeze', action: null, from: -3, minutes: 30 } as const, propose('bot', 'urgent'), step(0), review(0, 'ben')],
        ...[breakGlass(0, 'dora'), smoke, step(0)],
      ],
      ['scheduled'],
    ],
    [
      'a switch goes on again where two want it, and not where somebody threw it once more',
      [
        ...[smoke, govern('ann', { on: 'tenant/all' }), step(0), smoke, review(0, 'dora'), step(0), step(0)],
        ...[
          govern('ann', { on: 'tenant/all' }),
          step(1),
          review(1, 'ann'),
          review(1, 'dora'),
          step(1),
          propose('ann', 'alone'),
          step(2),
          step(2),
        ],
      ],
      ['invalid', 'executed', 'executed'],
    ],
    [
      'of two who would change the same policies the second is told',
      [
        ...[govern('ben', { policies: 1 }), govern('dora', { policies: 2 }), step(0), step(1), step(0), step(1), step(1)],
        ...[govern('ben', { policies: 3 }), step(2), review(2, 'ben'), step(2), review(2, 'dora'), step(2)],
      ],
      ['executed', 'invalid', 'executed'],
    ],
    [
      'an engine that is killed leaves all or nothing, and whoever asks again gets the same',
      [
        { ...(propose('ann', 'alone') as Extract<Command, { do: 'propose' }>), again: true },
        ...[step(0, 'killed early'), step(0), step(0, 'killed late'), step(0)],
        { do: 'revert', of: 0, by: 'ann', cut: false, again: true },
      ],
      ['executed', 'simulating'],
    ],
  ])('%s', async (_, commands, statuses) => {
    const model = new Model();
    for (const command of commands) model.play(command);
    expect(model.proposals.map(({ status }) => status)).toEqual(statuses);
    expect(await differenceIn(offices, commands, noTally())).toBeNull();
  });
});
