// Logs by whoever holds the signing key: chain, tree and signature are right, and what they tell of approvals cannot be. Each stands beside an honest log that passes. No database: tests/evidence/signed-log.ts.
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { verdictOn, type Written } from './signed-log.ts';
import {
  approvals,
  asked,
  asks,
  begun,
  changed,
  created,
  digest,
  last,
  plain,
  ran,
  replaced,
  requirement,
  review,
  simulated,
  threshold,
  told,
  without,
} from './written-proposal.ts';

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
