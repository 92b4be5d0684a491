import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResolvedRequirement, ResolvedStage } from './plan.ts';
import { type CountedReview, settleQuorum } from './quorum.ts';

const threshold = (role: string, needed = 1) => ({ name: role, needed, toleratedDenials: 0, reviewers: `"${role}" in reviewer.roles` });
const requirement = (...stages: ResolvedStage[]): ResolvedRequirement => ({
  policy: 'p',
  automatic: false,
  stages,
  distinctReviewers: true,
  expiresAfter: 'PT1H',
});
const review = (id: string, roles: string[], teams: string[] = [], decision: CountedReview['decision'] = 'approve'): CountedReview => ({
  id,
  reviewerId: id,
  person: id,
  decision,
  roles,
  teams,
  kind: 'user',
  disabled: false,
  at: '2026-01-01T00:00:00.000Z',
});
const settle = (asked: ResolvedRequirement, ...reviews: CountedReview[]) => settleQuorum(asked, reviews, []);

describe('a stage of which any threshold suffices', () => {
  const asked = requirement({ name: 'one', require: 'any', thresholds: [threshold('director'), threshold('manager', 2)] });

  it('is approved by whichever is met', () => {
    expect(settle(asked).missing).toBe('1 more approval for one (director) or 2 more approvals for one (manager)');
    expect(settle(asked, review('d', ['director']))).toMatchObject({ verdict: 'approved', missing: '' });
    expect(settle(asked, review('a', ['manager']))).toMatchObject({ verdict: 'pending' });
    expect(settle(asked, review('a', ['manager']), review('b', ['manager'])).verdict).toBe('approved');
  });

  it('is approved by one that is met, though more have approved for one that is not', () => {
    const uneven = requirement({ name: 'one', require: 'any', thresholds: [threshold('director'), threshold('manager', 3)] });
    const all = [review('a', ['manager']), review('b', ['manager']), review('d', ['director'])];
    expect(settle(uneven, ...all).verdict).toBe('approved');
  });

  it('is rejected when nobody is left who could approve it', () => {
    expect(settle(asked, review('a', ['manager'], [], 'reject')).verdict).toBe('pending');
    expect(settle(asked, review('a', ['manager'], [], 'reject'), review('d', ['director'], [], 'reject')).verdict).toBe('rejected');
  });

  it('is not preferred with more approvals than it needs to a later stage that then lacks them', () => {
    const two = requirement(
      { name: 'one', require: 'any', thresholds: [threshold('a'), threshold('b', 2)] },
      { name: 'two', teams: 2, thresholds: [threshold('b')] },
    );
    const all = [review('x', ['a', 'b']), review('y', ['b'], ['day']), review('z', ['b'], ['night'])];
    expect(settle(two, ...all)).toMatchObject({ verdict: 'approved', missing: '' });
  });

  it('takes whom a later stage does not need', () => {
    const two = requirement(
      { name: 'one', require: 'any', thresholds: [threshold('a'), threshold('b')] },
      { name: 'two', thresholds: [threshold('a')] },
    );
    for (const people of [
      [review('x', ['a']), review('y', ['b'])],
      [review('y', ['b']), review('x', ['a'])],
    ]) {
      expect(settle(two, ...people).verdict).toBe('approved');
    }
  });
});

describe('a stage that asks for teams', () => {
  const asked = requirement({ name: 'one', thresholds: [threshold('manager', 2)], teams: 2 });

  it('waits for people of so many', () => {
    const [a, b, c] = [
      review('a', ['manager'], ['night']),
      review('b', ['manager'], ['night']),
      review('c', ['manager'], ['day', 'night']),
    ];
    expect(settle(asked, a, b)).toMatchObject({
      verdict: 'pending',
      missing: 'people of 1 more team for one',
      stages: [{ teams: { needed: 2, given: 1 } }],
    });
    expect(settle(asked, a, c).verdict).toBe('approved');
    expect(settle(asked, a, b, c)).toMatchObject({ verdict: 'approved', stages: [{ teams: { given: 2 } }] });
  });

  it('counts one team for each person', () => {
    const jack = review('j', ['manager'], ['night', 'day', 'office']);
    expect(settle(asked, jack, review('a', ['manager'])).verdict).toBe('pending');
  });
});

describe('approvals', () => {
  const roles = ['a', 'b', 'c'];
  const stages = fc.array(
    fc.record({
      thresholds: fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1, maxLength: 2 }),
      any: fc.boolean(),
      teams: fc.constantFrom(undefined, 2),
    }),
    { minLength: 1, maxLength: 3 },
  );
  const people = fc.array(fc.record({ roles: fc.subarray(roles), teams: fc.subarray(['x', 'y']) }), { maxLength: 5 });

  it('approve exactly where some way of giving each person one place meets every stage', () => {
    fc.assert(
      fc.property(stages, people, (asked, held) => {
        const whole = requirement(
          ...asked.map(({ thresholds, any, teams }, at) => ({
            name: `s${at}`,
            thresholds: thresholds.map((role) => threshold(role)),
            ...(any ? { require: 'any' as const } : {}),
            ...(teams === undefined ? {} : { teams }),
          })),
        );
        const reviews = held.map((person, at) => review(`p${at}`, person.roles, person.teams));
        const isApproved = settleQuorum(whole, reviews, []).verdict === 'approved';
        if (isApproved) expect(canMeet(asked, held)).toBe(true);
        // Teams are asked of the places once given, which is stricter than to look for places by teams.
        if (asked.every(({ teams }) => teams === undefined)) expect(isApproved).toBe(canMeet(asked, held));
      }),
      { numRuns: 2_000 },
    );
  });
});

type Asked = { thresholds: string[]; any: boolean; teams: number | undefined };
type Held = { roles: string[]; teams: string[] };

/** Tries everything: each person in some threshold of some stage, or idle; idle people speak for teams wherever they are admitted. */
function canMeet(asked: readonly Asked[], held: readonly Held[], places: (readonly [stage: number, role: string] | null)[] = []): boolean {
  const person = held[places.length];
  if (person) {
    const free = asked.flatMap((stage, at) =>
      stage.thresholds.filter((role) => person.roles.includes(role)).map((role) => [at, role] as const),
    );
    return [null, ...free].some((place) => canMeet(asked, held, [...places, place]));
  }
  return asked.every((stage, at) => {
    const isFull = (role: string) => places.some((place) => place?.[0] === at && place[1] === role);
    const mine = held.filter(
      (one, index) => (places[index]?.[0] ?? at) === at && stage.thresholds.some((role) => one.roles.includes(role)),
    );
    const speaks = (team: string) => mine.filter((one) => one.teams.includes(team));
    const both =
      stage.teams === undefined || (speaks('x').length > 0 && speaks('y').length > 0 && new Set([...speaks('x'), ...speaks('y')]).size > 1);
    return (stage.any ? stage.thresholds.some(isFull) : stage.thresholds.every(isFull)) && both;
  });
}

describe('stages that ask for teams', () => {
  it('let people stand where their teams are needed', () => {
    const crossed = requirement(
      { name: 'one', thresholds: [threshold('keeper', 2)], teams: 2 },
      { name: 'two', thresholds: [threshold('officer')] },
    );
    const people = [
      review('ann', ['keeper', 'officer'], ['red']),
      review('ben', ['keeper', 'officer'], ['blue']),
      review('cleo', ['keeper', 'officer'], ['red']),
    ];
    for (const [a, b, c] of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ] as const) {
      const order = [people[a], people[b], people[c]] as CountedReview[];
      expect(
        settle(crossed, ...order.map((one, at) => ({ ...one, reviewerId: `${at}-${one.reviewerId}`, person: `${at}-${one.person}` })))
          .verdict,
      ).toBe('approved');
    }
    expect(settle(crossed, ...people.slice(0, 2)).verdict).toBe('pending');
  });
});
