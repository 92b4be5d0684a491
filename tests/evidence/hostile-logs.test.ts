// Logs by whoever holds the signing key: chain, tree and signature are right, and what they tell cannot be. Each stands beside an honest log that passes. No database: tests/evidence/signed-log.ts.
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { saidOf, signedExport, verdictOn, type Written } from './signed-log.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const otherDigest = `sha256:${'b'.repeat(64)}`;
const threshold = (role: string, needed = 1) => ({ name: role, needed, toleratedDenials: 0, reviewers: `'${role}' in reviewer.roles` });
const asks = (stages: JsonValue[], more: JsonObject = {}): JsonObject => ({
  policy: 'p',
  automatic: false,
  distinctReviewers: true,
  expiresAfter: 'PT1H',
  stages,
  ...more,
});
const requirement = asks([
  { name: 'keepers', thresholds: [threshold('keeper')] },
  { name: 'safety', thresholds: [threshold('officer')] },
]);
const approvals = [
  { review: 'r1', person: 1, roles: ['keeper'] },
  { review: 'r2', person: 2, roles: ['officer'] },
];

const created: Written = { type: 'proposal.created', personal: { proposer: 'agent-1', actsFor: 'planner-1' } };
const simulated = (planDigest = digest, asked: JsonObject = { requirement }): Written => ({
  type: 'proposal.simulated',
  facts: { from: 'simulating', status: 'awaiting_approval', planDigest, ...asked },
});
const review = (reviewId: string, reviewer: string, more: JsonObject = {}, personal = {}): Written => ({
  type: 'review.recorded',
  facts: { reviewId, decision: 'approve', planDigest: digest, ...more },
  personal: { reviewer, ...personal },
});
const move = (from: string, status: string, type = `proposal.${status}`): Written => ({
  type,
  facts: { from, status, planDigest: digest },
});
const ran = (type: 'proposal.executed' | 'execution.applied', facts: JsonObject = {}): Written => ({
  type,
  facts: {
    executionId: 'x',
    status: type === 'proposal.executed' ? 'executed' : 'executing',
    planDigest: digest,
    requirement,
    approvals,
    ...facts,
  },
});
const ended = (facts: JsonObject = {}): Written => ({
  type: 'proposal.executed',
  facts: { executionId: 'x', status: 'executed', planDigest: digest, ...facts },
});
const undone: Written = { type: 'execution.undone', facts: { executionId: 'x', planDigest: digest } };
const changed: Written = {
  type: 'log.format_changed',
  facts: { tells: ['requirement', 'approvals'] },
  proposalId: null,
};

const asked: Written[] = [created, simulated()];
const reviews: Written[] = [review('r1', 'keeper-1'), review('r2', 'officer-1')];
const begun: Written[] = [move('awaiting_approval', 'approved'), move('approved', 'executing')];
const approved: Written[] = [...asked, ...reviews, ...begun];
const plain: Written[] = [...approved, ran('proposal.executed')];
const applied: Written[] = [...approved, ran('execution.applied')];
const turned: Written[] = [move('executing', 'compensating')];
const backToSimulation: Written[] = [...turned, move('compensating', 'simulating')];

/** The same log with another entry in the place of one. */
const replaced = (log: readonly Written[], index: number, change: Partial<Written>): Written[] =>
  log.map((entry, at) => (at === index ? { ...entry, ...change } : entry));
const told = (entry: Written | undefined, facts: JsonObject): Partial<Written> => ({ facts: { ...entry?.facts, ...facts } });
const without = (entry: Written | undefined, ...names: string[]): Partial<Written> => ({
  facts: Object.fromEntries(Object.entries(entry?.facts ?? {}).filter(([name]) => !names.includes(name))),
});
const last = (log: readonly Written[], change: (entry: Written | undefined) => Partial<Written>): Written[] =>
  replaced(log, log.length - 1, change(log.at(-1)));

describe('an honest log passes:', () => {
  it.each<[string, Written[], JsonObject]>([
    ['a plan without effects', plain, { executions: 1, unjudged: 0 }],
    ['one with effects', [...applied, { type: 'effect.ended', facts: { state: 'done' } }, ended()], { executions: 1, unjudged: 0 }],
    ['one that was undone, and failed', [...applied, ...turned, undone, move('compensating', 'failed')], { executions: 1, unjudged: 0 }],
    [
      'one whose undo a person had to look after',
      [
        ...applied,
        ...turned,
        move('compensating', 'needs_attention'),
        move('needs_attention', 'compensating'),
        undone,
        move('compensating', 'failed'),
      ],
      { executions: 1 },
    ],
    ['one that turned back before its edits', [...approved, ...backToSimulation, move('simulating', 'withdrawn')], { executions: 0 }],
    [
      'one that was resumed with the plan that it had, and the reviews of it',
      [...approved, ...backToSimulation, simulated(), ...begun, ran('execution.applied'), ended()],
      { executions: 1, unjudged: 0 },
    ],
    [
      'one that was undone and asked for anew',
      [
        ...applied,
        ...turned,
        undone,
        move('compensating', 'simulating'),
        simulated(),
        review('r3', 'keeper-2'),
        review('r4', 'officer-2'),
        ...begun,
        ran('execution.applied', {
          executionId: 'y',
          approvals: [
            { review: 'r3', person: 1, roles: ['keeper'] },
            { review: 'r4', person: 2, roles: ['officer'] },
          ],
        }),
        ended({ executionId: 'y' }),
      ],
      { executions: 2, unjudged: 0 },
    ],
    [
      'one that waited, was held back and revised',
      [
        ...asked,
        ...reviews,
        move('awaiting_approval', 'approved'),
        move('approved', 'scheduled'),
        move('scheduled', 'awaiting_approval', 'proposal.simulated'),
        { type: 'proposal.escalated', facts: { planDigest: digest } },
        move('awaiting_approval', 'changes_requested'),
        move('changes_requested', 'simulating', 'proposal.revised'),
        { type: 'proposal.raised' },
        move('simulating', 'invalid'),
      ],
      { executions: 0 },
    ],
    [
      'of an earlier version',
      [
        created,
        simulated(digest, {}),
        ...reviews,
        ...begun,
        { ...ran('proposal.executed'), ...without(ran('proposal.executed'), 'requirement', 'approvals') },
        changed,
      ],
      { executions: 1, unjudgedBefore: 1, unjudged: 0 },
    ],
    [
      'of the version that said who fills what',
      [
        ...approved,
        {
          ...ran('proposal.executed'),
          ...told(
            { type: '', ...without(ran('proposal.executed'), 'requirement') },
            { approvals: approvals.map((one, at) => ({ ...one, fills: [[at, 0]] })) },
          ),
        },
      ],
      { executions: 1, unjudged: 0 },
    ],
  ])('%s', async (_, log, counts) => {
    expect(await verdictOn(log)).toMatchObject(counts);
  });
});

describe('broken is an execution that nobody approved:', () => {
  it.each<[string, Written[], RegExp]>([
    [
      'the end of an undone one, for a plan that nobody reviewed',
      [
        ...applied,
        ...turned,
        undone,
        move('compensating', 'simulating'),
        simulated(otherDigest),
        ...begun,
        ended({ planDigest: otherDigest }),
      ],
      /entry 14: tells once more of an execution/,
    ],
    [
      'the end of an undone one, for the same plan',
      [...applied, ...turned, undone, move('compensating', 'simulating'), simulated(), ...begun, ended()],
      /entry 14: tells once more/,
    ],
    ['an end with the digest of another plan', [...applied, ended({ planDigest: otherDigest })], /entry 8: tells once more/],
    ['an end after it was undone', [...applied, undone, ended()], /entry 9: tells once more/],
    ['a second end', [...applied, ended(), ended()], /entry 9: tells of an execution of a proposal in executed/],
    [
      'an end of a plan without effects',
      [...plain, ended({ planDigest: otherDigest })],
      /entry 8: tells of an execution of a proposal in executed/,
    ],
    ['an end that repeats its approvals', [...applied, ran('proposal.executed')], /entry 8: tells once more/],
    ['its edits a second time', [...applied, ran('execution.applied')], /entry 8: tells once more/],
    [
      'an end after it failed',
      [...applied, ...turned, undone, move('compensating', 'failed'), ended({ status: 'failed' })],
      /entry 11: tells of an execution of a proposal in failed/,
    ],
    [
      'the reviews of an undone one, for the same plan once more',
      [
        ...applied,
        ...turned,
        undone,
        move('compensating', 'simulating'),
        simulated(),
        ...begun,
        ran('execution.applied', { executionId: 'y' }),
      ],
      /entry 14: .*r1 is void, or was never given/,
    ],
    [
      'applied while it awaits approval',
      [...asked, ...reviews, ran('execution.applied')],
      /entry 5: tells of an execution of a proposal in awaiting_approval/,
    ],
    [
      'applied where changes were asked for',
      [...asked, ...reviews, move('awaiting_approval', 'changes_requested'), ran('execution.applied')],
      /entry 6: tells of an execution of a proposal in changes_requested/,
    ],
    [
      'called by another name',
      [...approved, { ...ran('proposal.executed'), type: 'proposal.finished' }],
      /entry 7: is proposal.finished, and says of the proposal that it is executed/,
    ],
    [
      'moved by an entry for another state',
      [...asked, move('awaiting_approval', 'executing', 'proposal.withdrawn')],
      /entry 3: is proposal.withdrawn, and says .* executing/,
    ],
    ['executed, and said to have failed', [...approved, ran('proposal.executed', { status: 'failed' })], /entry 7: is proposal.executed/],
    [
      'of a proposal that is created as approved',
      replaced(plain, 0, { facts: { status: 'approved' } }),
      /entry 1: creates a proposal that is approved/,
    ],
    ['that has no number', last(plain, (entry) => without(entry, 'executionId')), /entry 7: tells of an execution, and not of which/],
    ['of a proposal that nothing creates', approved.slice(1), /entry 1: is of a proposal that no entry creates/],
    [
      'without a `from`',
      replaced(plain, 5, without(plain[5], 'from')),
      /entry 6: tells of a proposal in undefined, and it was in approved/,
    ],
    ['of a plan without a `from`', replaced(plain, 1, without(plain[1], 'from')), /entry 2: tells of a proposal in undefined/],
    ['from an end', [...plain, move('executed', 'simulating')], /entry 8: a proposal in executed cannot become simulating/],
  ])('%s', async (_, log, said) => {
    expect(await verdictOn(log)).toMatch(said);
  });

  it('of the two lives in an export that begins later, only the one whose beginning is not there is unjudged', async () => {
    expect(await saidOf(await signedExport(plain, { from: 3 }))).toMatchObject({ executions: 1, unjudged: 1 });
    expect(await saidOf(await signedExport([...applied, ended()], { from: 8 }))).toMatchObject({ executions: 1, unjudged: 1 });
    const twice = [...applied, ended(), ended()];
    expect(await saidOf(await signedExport(twice, { from: 8 }))).toMatch(/entry 9: /);
    const strange = [...approved, move('simulating', 'executing')];
    expect(await saidOf(await signedExport(strange, { from: 7 }))).toMatch(/entry 7: a proposal in simulating cannot become executing/);
  });
});

describe('broken is what an execution says of its approvals:', () => {
  const delegated = replaced(plain, 2, review('r1', 'deputy-1', {}, { onBehalfOf: 'keeper-1' }));
  const byDelegate = [{ ...approvals[0], delegate: 3 }, approvals[1]] as JsonValue;
  const emergency = asks([{ name: 'safety', thresholds: [threshold('officer', 3)] }], {
    breakGlass: { roles: ['chief'], approvals: 1, byProposer: true },
  });
  const glass = (actor: string, person: number, who = 'officer-1'): Written[] => [
    created,
    simulated(digest, { requirement: emergency }),
    { type: 'proposal.glass_broken', facts: { planDigest: digest }, personal: { actor, reason: 'fire' } },
    review('r2', who),
    ...begun,
    ran('proposal.executed', {
      requirement: emergency,
      approvals: [{ review: 'r2', person: 1, roles: ['officer'] }],
      emergency: { person, roles: ['chief'] },
    }),
  ];

  it('passes where it is honest', async () => {
    expect(await verdictOn(last(delegated, (entry) => told(entry, { approvals: byDelegate })))).toMatchObject({ unjudged: 0 });
    expect(await verdictOn(glass('chief-1', 2))).toMatchObject({ executions: 1, unjudged: 0 });
    expect(await verdictOn(glass('agent-1', 0))).toMatchObject({ executions: 1, unjudged: 0 });
  });

  it.each<[string, Written[], RegExp]>([
    [
      'one review of two people, erased',
      last(replaced(plain, 2, { erased: ['reviewer'] }), (entry) =>
        told(entry, { approvals: [approvals[0], { review: 'r1', person: 2, roles: ['officer'] }] as JsonValue }),
      ),
      /a review is counted twice/,
    ],
    ['a review for somebody else, without its delegate', delegated, /of the approval r1 it does not say .* whether a delegate gave it/],
    [
      'the same, erased',
      replaced(delegated, 2, { ...delegated[2], erased: ['reviewer', 'onBehalfOf'] }),
      /of the approval r1 it does not say/,
    ],
    ['a delegate of a review for nobody else', last(plain, (entry) => told(entry, { approvals: byDelegate })), /of the approval r1/],
    [
      'no room for two short reviews',
      last(plain, (entry) => told(entry, { approvals: null })),
      /says that there is no room for its approvals/,
    ],
    [
      'the one who broke the glass approves as another',
      glass('officer-1', 2),
      /officer-1, who broke the glass, is counted as somebody else/,
    ],
    ['the proposer broke the glass as another', glass('planner-1', 2), /planner-1, who broke the glass, is counted/],
    ...(
      [
        ['needed', undefined],
        ['needed', 0],
        ['toleratedDenials', undefined],
        ['reviewers', 5],
      ] as const
    ).map(([name, value]): [string, Written[], RegExp] => {
      const wrong = asks([{ name: 'x', thresholds: [{ ...threshold('keeper'), [name]: value }] }] as unknown as JsonValue[]);
      const log = replaced(plain, 1, simulated(digest, { requirement: wrong }));
      return [`a threshold whose ${name} is ${value}`, last(log, (entry) => told(entry, { requirement: wrong })), /is not formed as/];
    }),
    ...['P1M', 'P', 'PT', 'soon'].map((approvalsLast): [string, Written[], RegExp] => {
      const wrong = asks(requirement.stages as JsonValue[], { approvalsLast });
      const log = replaced(plain, 1, simulated(digest, { requirement: wrong }));
      return [`approvals that last ${approvalsLast}`, last(log, (entry) => told(entry, { requirement: wrong })), /is not formed as/];
    }),
  ])('%s', async (_, log, said) => {
    expect(await verdictOn(log)).toMatch(said);
  });

  it('of many reviews there may be no room, which is counted', async () => {
    const many = Array.from({ length: 300 }, (_, at) => review(`m${at}`, `keeper-${at}`));
    const log = [...asked, ...many, ...begun, ran('proposal.executed', { approvals: null })];
    expect(await verdictOn(log)).toMatchObject({ executions: 1, unjudged: 1 });
    expect(await verdictOn(log, 1)).toMatchObject({ unjudged: 1 });
    expect(await verdictOn(log, 0)).toMatch(/entry 305: is of 1 executions that cannot be judged: 0 were expected/);
  });

  it('what only has a digest is counted, and told apart by the number that was expected', async () => {
    const invented = { requirementDigest: `sha256:${'1'.repeat(64)}` };
    const bare = without(ran('proposal.executed', { ...invented, approvals: [] }), 'requirement');
    const log = [created, simulated(digest, invented), ...begun, { ...ran('proposal.executed'), ...bare }];
    expect(await verdictOn(log)).toMatchObject({ executions: 1, unjudged: 1 });
    expect(await verdictOn(log, 0)).toMatch(/entry 5: is of 1 executions that cannot be judged/);
  });

  it('so is a log that says of itself that an earlier version began it', async () => {
    const bare = (log: Written[]) => log.map((entry) => ({ ...entry, ...without(entry, 'requirement', 'approvals') }));
    const log = [...bare(plain), changed];
    expect(await verdictOn(log)).toMatchObject({ unjudgedBefore: 1, formatChangedAt: 8 });
    expect(await verdictOn(log, 1)).toMatchObject({ unjudgedBefore: 1 });
    expect(await verdictOn(log, 0)).toMatch(/entry 7: is of 1 executions that cannot be judged: 0 were expected/);
  });
});

describe('what is disclosed', () => {
  it('has a salt of sixteen bytes, so that one commitment is to one value', async () => {
    const lines = await signedExport(plain);
    const salted = (change: (salt: string) => string) =>
      lines.map((line) => line.replace(/"salt":"([0-9a-f]+)"/, (_, salt: string) => `"salt":"${change(salt)}"`));
    expect(await saidOf(salted((salt) => salt))).toMatchObject({ executions: 1 });
    for (const change of [(salt: string) => `${salt}zz`, (salt: string) => salt.toUpperCase().replace(/^./, 'A')])
      expect(await saidOf(salted(change))).toMatch(/entry 1: what is disclosed as/);
  });
});

describe('of an entry that was altered, and nothing behind it, the verifier names', () => {
  const alteredAt = (lines: readonly string[], ...seqs: number[]) =>
    lines.map((line) => (seqs.some((seq) => line.includes(`"seq":${seq},`)) ? line.replaceAll('approve', 'reject') : line));

  it('this very entry, whether or not a checkpoint ends there', async () => {
    for (const sealed of [[], [2], [3], [4]])
      expect(await saidOf(alteredAt(await signedExport(plain, { sealed }), 3)), String(sealed)).toMatch(/^entry 3: /);
    expect(await saidOf(alteredAt(await signedExport(plain), 3))).toBe('entry 3: was altered: entry 4 follows another');
  });

  it('the first of two', async () => {
    expect(await saidOf(alteredAt(await signedExport(plain), 3, 4))).toBe('entry 3: or the next was altered: entry 4 does not follow it');
  });

  it('the one that leads elsewhere, where a checkpoint says that those before it are right', async () => {
    const lines = (await signedExport(plain, { sealed: [3] })).map((line) =>
      line.includes('"seq":4,') ? line.replace(/"previousHash":"../, '"previousHash":"zz') : line,
    );
    expect(await saidOf(lines)).toBe('entry 4: does not follow the one before it');
  });

  it('the last, by the checkpoint over it', async () => {
    const lines = (await signedExport(plain)).map((line) => line.replace('executionId\\":\\"x', 'executionId\\":\\"y'));
    expect(await saidOf(lines)).toBe('entry 7: up to here the log is not what was signed');
  });
});
