// Logs by whoever holds the signing key: chain, tree and signature are right, and what they tell cannot be. Each stands beside an honest log that passes. No database: tests/evidence/signed-log.ts.
import { describe, expect, it } from 'vitest';
import { canonicalText } from '../../ontology/canonical-json.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { digestOf, saidOf, signedExport, verdictOn, type Written } from './signed-log.ts';
import {
  applied,
  approvals,
  approved,
  asked,
  asks,
  backToSimulation,
  begun,
  changed,
  created,
  digest,
  ended,
  last,
  move,
  otherDigest,
  plain,
  ran,
  replaced,
  requirement,
  review,
  reviews,
  simulated,
  threshold,
  told,
  turned,
  undone,
  without,
} from './written-proposal.ts';

/** From its simulation to its execution, with one review that is all it asks for. */
const reviewedAnew = (executionId: string, reviewId: string, planDigest = digest): Written[] => {
  const requirement = asks([{ name: 'keepers', thresholds: [threshold('keeper')] }]);
  return [
    simulated(planDigest, { requirement }),
    review(reviewId, `keeper of ${reviewId}`, { planDigest }),
    ...begun,
    ran('execution.applied', { executionId, planDigest, requirement, approvals: [{ review: reviewId, person: 1, roles: ['keeper'] }] }),
  ];
};
const again = [move('executing', 'simulating')];

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
      'one that ran three times, each under a number of its own',
      [created, ...reviewedAnew('x', 'r1'), ...again, ...reviewedAnew('y', 'r2', otherDigest), ...again, ...reviewedAnew('z', 'r3')],
      { executions: 3, unjudged: 0 },
    ],
    [
      'one whose requirement is told by its digest first, and whole when the same plan comes again',
      [
        created,
        simulated(digest, { requirementDigest: digestOf(canonicalText(requirement)) }),
        move('awaiting_approval', 'simulating'),
        ...plain.slice(1),
      ],
      { executions: 1, unjudged: 0 },
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
    [
      'that has the number of one before the last',
      [created, ...reviewedAnew('x', 'r1'), ...again, ...reviewedAnew('y', 'r2', otherDigest), ...again, ...reviewedAnew('x', 'r3')],
      /entry 18: tells once more of an execution/,
    ],
    [
      'of a plan that is told with another requirement than before',
      [...asked, move('awaiting_approval', 'simulating'), simulated(digest, { requirement: asks([]) })],
      /entry 4: tells another requirement of a plan than was told of it before/,
    ],
    [
      'so too where another plan was between',
      [
        ...asked,
        ...[simulated(otherDigest), simulated(digest, { requirementDigest: `sha256:${'c'.repeat(64)}` })].flatMap((plan) => [
          move('awaiting_approval', 'simulating'),
          plan,
        ]),
      ],
      /entry 6: tells another requirement of a plan/,
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
