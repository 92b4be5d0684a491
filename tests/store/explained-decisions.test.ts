// What people are told of decisions on a proposal, on a clone from tests/support/database.ts.
import { beforeAll, expect, it } from 'vitest';
import { readDecisions } from '../../store/read-decisions.ts';
import { building, expectDone, type Fixture, keeper1, officer, openFixture, shareDatabase } from './fixture.ts';

let fixture: Fixture;
const document = structuredClone(building);

shareDatabase();
beforeAll(async () => {
  const [keepers, safety] = document.approvalPolicies['two-stage'].stages;
  const stage = (name: string, when: string) => ({ ...keepers, name, when });
  const stages = [
    keepers,
    { ...safety, when: 'plan.edits > 0' },
    stage('more', "plan.objects['ship'] > 2"),
    stage('never', 'plan.edits > 9'),
  ];
  Object.assign(document.approvalPolicies['two-stage'], { stages });
  fixture = await openFixture(document);
});

const told = async (proposalId: string) => {
  const { decisions } = expectDone(await fixture.inApi((tx) => readDecisions(tx, proposalId, fixture.deps)));
  return decisions.map(({ explanation }) => explanation);
};

it('why each stage is asked', async () => {
  const { proposalId } = await fixture.planned('askFloorTwice', { name: 'F1' });
  expect(await told(proposalId)).toContain(
    "The approval policy two-stage asks keepers (1), then safety (1), since its condition holds: plan.edits > 0, then more (1), since its condition cannot be computed: plan.objects['ship'] > 2.",
  );
});

it('who approved, who rejected, and why it is rejected', async () => {
  const plan = await fixture.planned('askFloorTwice', { name: 'F2' });
  expectDone(await fixture.review(plan, keeper1));
  expectDone(await fixture.review(plan, officer, 'reject'));
  const sentences = (await told(plan.proposalId)).slice(2);
  expect(sentences).toHaveLength(3);
  expect(sentences).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^keeper-1 may review, and approves, by /),
      "officer-1 may review, and rejects: the gate's own rules allow it.",
      'It is rejected: more said no than the approval policy two-stage tolerates, in safety (1).',
    ]),
  );
});

it('of a reviewer whose stage is closed, that nothing asks them any more', async () => {
  const plan = await fixture.planned('askFloorTwice', { name: 'F3' });
  expectDone(await fixture.review(plan, keeper1));
  expect(await fixture.review(plan, keeper1, 'reject')).toEqual({ refused: 'not_eligible' });
  expect((await told(plan.proposalId)).at(-1)).toBe('keeper-1 may not review: The open approval stage does not ask this reviewer.');
});
