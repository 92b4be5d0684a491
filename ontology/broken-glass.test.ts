import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BrokenGlass } from './authority.ts';
import { glassHolds } from './broken-glass.ts';
import { deriveFloors } from './derive.ts';
import type { ResolvedRequirement } from './plan.ts';
import type { CountedReview } from './quorum.ts';

const people = ['a', 'b', 'c', 'd'];
const roles = ['on-call', 'keeper'];
const standing = {
  kind: fc.constantFrom('user' as const, 'user' as const, 'agent' as const, 'service' as const),
  roles: fc.subarray(roles),
  disabled: fc.constantFrom(false, false, true),
};

const glasses: fc.Arbitrary<BrokenGlass> = fc
  .record({ by: fc.constantFrom(...people), ...standing })
  .map((glass) => ({ ...glass, person: glass.by }));

const reviews: fc.Arbitrary<CountedReview[]> = fc
  .uniqueArray(
    fc.record({ reviewerId: fc.constantFrom(...people), decision: fc.constantFrom('approve' as const, 'reject' as const), ...standing }),
    {
      selector: ({ reviewerId }) => reviewerId,
    },
  )
  .map((all) => all.map((one) => ({ ...one, id: one.reviewerId, at: '2026-01-01T00:00:00.000Z', person: one.reviewerId, teams: [] })));

const rules = fc.record(
  {
    roles: fc.constant<string[]>(['on-call']),
    approvals: fc.integer({ min: 0, max: 2 }),
    reviewWithin: fc.constant('PT1H'),
    reviewers: fc.constant('true'),
    byProposer: fc.boolean(),
  },
  { requiredKeys: ['roles', 'approvals', 'reviewWithin', 'reviewers'] },
);

function requirement(breakGlass?: ResolvedRequirement['breakGlass']): ResolvedRequirement {
  return {
    policy: 'p',
    automatic: false,
    stages: [{ name: 's', thresholds: [{ name: 's', needed: 3, toleratedDenials: 0, reviewers: "'keeper' in reviewer.roles" }] }],
    distinctReviewers: true,
    expiresAfter: 'PT1H',
    ...(breakGlass === undefined ? {} : { breakGlass }),
  };
}

const behind = fc.subarray(people, { maxLength: 2 });

describe('a broken glass', () => {
  it('never stands in for approvals where the policy does not provide for it, neither here nor in what the door holds', () => {
    fc.assert(fc.property(glasses, reviews, behind, (glass, given, others) => !glassHolds(requirement(), glass, given, others)));
    const policy = { stages: [{ name: 's', thresholds: [{ needed: 3, reviewers: 'true' }] }], expiresAfter: 'PT1H' };
    expect(deriveFloors(policy)).toEqual([{ approvals: 3, ceilings: {} }]);
    const breakGlass = { roles: ['on-call'], approvals: 1, reviewWithin: 'PT1H', reviewers: 'true' };
    expect(deriveFloors({ ...policy, breakGlass })).toEqual([
      { approvals: 3, ceilings: {} },
      { glass: { roles: ['on-call'], approvals: 1 } },
    ]);
  });

  it('holds only by a person in a named role, off the proposer’s side unless the policy says so, beside as many others as it asks for', () => {
    fc.assert(
      fc.property(rules, glasses, reviews, behind, (rule, glass, given, others) => {
        if (!glassHolds(requirement(rule), glass, given, others)) return;
        expect(glass).toMatchObject({ kind: 'user', disabled: false });
        expect(glass.roles).toContain('on-call');
        expect(rule.byProposer === true || !others.includes(glass.person)).toBe(true);
        const approving = given.filter(
          (one) =>
            one.decision === 'approve' &&
            one.kind === 'user' &&
            !one.disabled &&
            one.person !== glass.person &&
            !others.includes(one.person) &&
            one.roles.includes('keeper'),
        );
        expect(approving.length).toBeGreaterThanOrEqual(rule.approvals);
      }),
    );
  });

  it('holds no more easily where approvals are taken away, or more are asked for', () => {
    fc.assert(
      fc.property(rules, glasses, reviews, behind, (rule, glass, given, others) => {
        if (glassHolds(requirement(rule), glass, given, others)) return;
        expect(glassHolds(requirement(rule), glass, given.slice(1), others)).toBe(false);
        expect(glassHolds(requirement({ ...rule, approvals: rule.approvals + 1 }), glass, given, others)).toBe(false);
      }),
    );
  });

  const rule = { roles: ['on-call'], approvals: 0, reviewWithin: 'PT1H', reviewers: 'true' };
  const glass: BrokenGlass = { by: 'a', person: 'a', kind: 'user', roles: ['on-call'], disabled: false };
  const approval = {
    id: 'r',
    decision: 'approve',
    at: '2026-01-01T00:00:00.000Z',
    kind: 'user',
    roles: ['keeper'],
    disabled: false,
    teams: [],
  } as const;

  it('does not hold by somebody behind the proposal, but where the policy says so', () => {
    expect(glassHolds(requirement(rule), glass, [], [])).toBe(true);
    expect(glassHolds(requirement(rule), glass, [], ['a'])).toBe(false);
    expect(glassHolds(requirement({ ...rule, byProposer: true }), glass, [], ['a'])).toBe(true);
  });

  it('is not held up by an approval that whoever broke it gave, be it on behalf of another', () => {
    const asks = requirement({ ...rule, approvals: 1 });
    expect(glassHolds(asks, glass, [{ ...approval, reviewerId: 'b', person: 'b' }], [])).toBe(true);
    expect(glassHolds(asks, glass, [{ ...approval, reviewerId: 'a', person: 'a' }], [])).toBe(false);
    const onBehalf = { ...approval, reviewerId: 'b', person: 'b', delegate: { id: 'a', kind: 'user' as const, person: 'a' } };
    expect(glassHolds(asks, glass, [onBehalf], [])).toBe(false);
  });
});
