import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResolvedRequirement } from './plan.ts';
import { type CountedReview, eligibleFor, settleQuorum } from './quorum.ts';

const roles = ['duty', 'safety', 'other'];

function threshold(role: string, needed = 1, toleratedDenials = 0) {
  return { name: role, needed, toleratedDenials, reviewers: `"${role}" in reviewer.roles` };
}

function requirement(stages: ReturnType<typeof threshold>[][], distinctReviewers = true): ResolvedRequirement {
  return {
    policy: 'p',
    automatic: false,
    stages: stages.map((thresholds, at) => ({ name: `stage ${at}`, thresholds })),
    distinctReviewers,
    expiresAfter: 'PT1H',
  };
}

function review(reviewerId: string, decision: CountedReview['decision'], ...held: string[]): CountedReview {
  return {
    id: reviewerId,
    reviewerId,
    decision,
    roles: held,
    kind: 'user',
    disabled: false,
    at: '2026-01-01T00:00:00.000Z',
    person: reviewerId,
    teams: [],
  };
}

const twoStages = requirement([[threshold('duty')], [threshold('safety')]]);

const requirements = fc
  .record({
    stages: fc.array(
      fc.array(
        fc.record({ role: fc.constantFrom(...roles), needed: fc.integer({ min: 1, max: 3 }), denials: fc.integer({ min: 0, max: 2 }) }),
        { minLength: 1, maxLength: 2 },
      ),
      { minLength: 1, maxLength: 3 },
    ),
    distinct: fc.boolean(),
  })
  .map(({ stages, distinct }) =>
    requirement(
      stages.map((all) => all.map(({ role, needed, denials }) => threshold(role, needed, denials))),
      distinct,
    ),
  );

const reviews = fc
  .uniqueArray(
    fc.record({
      reviewerId: fc.constantFrom(...'abcdefgh'),
      decision: fc.constantFrom('approve' as const, 'reject' as const, 'request_changes' as const),
      roles: fc.subarray(roles),
      kind: fc.constantFrom('user' as const, 'user' as const, 'agent' as const),
      disabled: fc.constantFrom(false, false, true),
      at: fc.constant('2026-01-01T00:00:00.000Z'),
    }),
    { selector: (one) => one.reviewerId },
  )
  .map((all) => all.map((one) => ({ ...one, id: one.reviewerId, person: one.reviewerId, teams: [] as string[] })));

describe('quorum', () => {
  it('goes through the stages one after another', () => {
    const none = settleQuorum(twoStages, [], ['proposer']);
    expect(none).toMatchObject({
      verdict: 'pending',
      openStage: 'stage 0',
      missing: '1 more approval for stage 0 (duty), 1 more approval for stage 1 (safety)',
    });
    const oneOfTwo = settleQuorum(requirement([[threshold('duty'), threshold('safety')]]), [review('a', 'approve', 'duty')], ['proposer']);
    expect(oneOfTwo.missing).toBe('1 more approval for stage 0 (safety)');
    const one = settleQuorum(twoStages, [review('a', 'approve', 'duty')], ['proposer']);
    expect(one).toMatchObject({ verdict: 'pending', openStage: 'stage 1', stages: [{ status: 'approved' }, { status: 'open' }] });
    expect(settleQuorum(twoStages, [review('a', 'approve', 'duty'), review('b', 'approve', 'safety')], ['proposer']).verdict).toBe(
      'approved',
    );
  });

  it('counts one person once, however many roles they have', () => {
    expect(settleQuorum(twoStages, [review('a', 'approve', 'duty', 'safety')], ['proposer']).verdict).toBe('pending');
    expect(settleQuorum({ ...twoStages, distinctReviewers: false }, [review('a', 'approve', 'duty', 'safety')], ['proposer']).verdict).toBe(
      'approved',
    );
  });

  it('finds the assignment that meets most, whoever came first', () => {
    const both = requirement([[threshold('duty'), threshold('safety')]]);
    const people = [review('a', 'approve', 'duty', 'safety'), review('b', 'approve', 'duty')];
    expect(settleQuorum(both, people, ['proposer']).verdict).toBe('approved');
    expect(settleQuorum(both, people.toReversed(), ['proposer']).verdict).toBe('approved');
  });

  it('counts neither the proposer, nor agents, nor the disabled', () => {
    const one = requirement([[threshold('duty')]]);
    for (const barred of [
      review('me', 'approve', 'duty'),
      { ...review('a', 'approve', 'duty'), kind: 'agent' as const },
      { ...review('b', 'approve', 'duty'), disabled: true },
    ]) {
      expect(settleQuorum(one, [barred], ['me']).verdict).toBe('pending');
    }
  });

  it('counts a denial of somebody who is disabled by now, and by the roles that they had', () => {
    expect(settleQuorum(requirement([[threshold('duty')]]), [{ ...review('b', 'reject', 'duty'), disabled: true }], []).verdict).toBe(
      'rejected',
    );
  });

  it('takes linked identities for one person, whose newest review counts, and the door takes the same', () => {
    const two = requirement([[threshold('duty', 2)]]);
    const as = (id: string, decision: CountedReview['decision'], at: string) => ({ ...review(id, decision, 'duty'), person: 'ann', at });
    const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'] as const;
    expect(settleQuorum(two, [as('ann', 'approve', early), as('ann-2', 'approve', late)], []).stages[0]?.thresholds[0]?.given).toBe(1);
    expect(settleQuorum(two, [as('ann', 'approve', early), as('ann-2', 'reject', late)], []).verdict).toBe('rejected');
    expect(settleQuorum(two, [as('ann', 'reject', early), as('ann-2', 'approve', late)], []).verdict).toBe('pending');
    expect(settleQuorum(two, [as('ann', 'reject', late), as('ann-2', 'approve', late)], []).verdict).toBe('rejected');
    expect(settleQuorum(requirement([[threshold('duty')]]), [as('ann-2', 'approve', late)], ['ann']).verdict).toBe('pending');
  });

  it('takes a delegator and the delegate of a review for one person, whatever either says besides', () => {
    const two = requirement([[threshold('duty')], [threshold('safety')]]);
    const given = (at: string, decision: CountedReview['decision'], of: string, by?: string): CountedReview => ({
      ...review(of, decision, 'duty', 'safety'),
      at,
      ...(by === undefined ? {} : { delegate: { id: by, kind: 'user', person: by } }),
    });
    const verdict = (...all: CountedReview[]) => settleQuorum(two, all, ['me']).verdict;
    const delegated = given('1', 'approve', 'ann', 'ben');
    expect(verdict(delegated, given('2', 'approve', 'ann'))).toBe('pending');
    expect(verdict(delegated, given('2', 'approve', 'ben'))).toBe('pending');
    expect(verdict(delegated, given('2', 'approve', 'cleo', 'ben'))).toBe('pending');
    expect(verdict(delegated, given('2', 'approve', 'ann', 'cleo'))).toBe('pending');
    expect(verdict(delegated, given('2', 'approve', 'cleo'))).toBe('approved');
    expect(verdict(delegated, given('2', 'approve', 'cleo'), given('3', 'request_changes', 'ben'))).toBe('pending');
    expect(verdict(given('2', 'approve', 'cleo'), given('2', 'approve', 'me', 'ben'))).toBe('pending');
    expect(verdict(given('2', 'approve', 'cleo'), given('2', 'approve', 'ann', 'me'))).toBe('pending');
    const byAgent = { ...delegated, delegate: { id: 'ben', kind: 'agent' as const, person: 'ben' } };
    expect(verdict(byAgent, given('2', 'approve', 'cleo'))).toBe('pending');
  });

  it('does not depend on the order of the reviews', () => {
    fc.assert(
      fc.property(requirements, reviews, fc.infiniteStream(fc.nat()), (asked, given, order) => {
        const shuffled = given.map((one) => [order.next().value as number, one] as const).sort((a, b) => a[0] - b[0]);
        expect(
          settleQuorum(
            asked,
            shuffled.map(([, one]) => one),
            ['a'],
          ),
        ).toEqual(settleQuorum(asked, given, ['a']));
      }),
    );
  });

  it('never approves what a denial beyond tolerance bars, nor with fewer people than the whole policy asks', () => {
    fc.assert(
      fc.property(requirements, reviews, (asked, given) => {
        const state = settleQuorum(asked, given, ['a']);
        const barred = asked.stages.some((stage) =>
          stage.thresholds.some(
            ({ name, toleratedDenials }) =>
              given.filter((one) => one.decision === 'reject' && counts(one) && one.roles.includes(name)).length > toleratedDenials,
          ),
        );
        expect(state.verdict === 'rejected').toBe(barred);
        if (state.verdict === 'approved' && asked.distinctReviewers) {
          const needed = asked.stages.flatMap((stage) => stage.thresholds).reduce((sum, one) => sum + one.needed, 0);
          expect(given.filter((one) => one.decision === 'approve' && counts(one)).length).toBeGreaterThanOrEqual(needed);
        }
      }),
    );
  });

  it('is never undone by one more approval', () => {
    fc.assert(
      fc.property(requirements, reviews, fc.subarray(roles), (asked, given, held) => {
        const before = settleQuorum(asked, given, ['a']).verdict;
        const after = settleQuorum(asked, [...given, review('z', 'approve', ...held)], ['a']).verdict;
        expect(before === 'approved' ? after : 'approved').toBe('approved');
      }),
    );
  });

  it('approves at once where policy alone decides', () => {
    expect(settleQuorum({ ...twoStages, automatic: true, stages: [] }, [], ['proposer'])).toEqual({
      verdict: 'approved',
      stages: [],
      missing: '',
    });
  });
});

describe('eligibility', () => {
  const ask = (id: string, held: string[], given: CountedReview[] = [], decision?: 'approve' | 'reject', kind: 'user' | 'agent' = 'user') =>
    eligibleFor(twoStages, { reviews: given, behind: ['me'] }, { id, kind, roles: held, person: id }, decision);

  it('asks only people of the open stage, other than the proposer', () => {
    expect(ask('a', ['duty'])).toEqual({ eligible: true, stage: 'stage 0' });
    expect(ask('a', ['safety'])).toEqual({ eligible: false, reason: 'not_eligible' });
    expect(ask('b', ['safety'], [review('a', 'approve', 'duty')])).toEqual({ eligible: true, stage: 'stage 1' });
    expect(ask('me', ['duty'])).toEqual({ eligible: false, reason: 'self_review' });
    expect(ask('bot', ['duty'], [], undefined, 'agent')).toEqual({ eligible: false, reason: 'agent_may_not_review' });
  });

  it('asks nobody through a machine, and nobody a second time for what they have said', () => {
    const delegate = { id: 'bot', kind: 'agent' as const, person: 'bot' };
    const through = { id: 'a', kind: 'user' as const, roles: ['duty'], person: 'a', delegate };
    expect(eligibleFor(twoStages, { reviews: [], behind: [] }, through)).toEqual({ eligible: false, reason: 'agent_may_not_review' });
    expect(ask('a', ['duty'], [review('a', 'approve', 'duty')])).toEqual({ eligible: false, reason: 'already_decided' });
  });

  const twoOfDuty = requirement([[threshold('duty', 2)], [threshold('safety')]]);
  const again = (given: CountedReview[], decision: CountedReview['decision'], state: { held?: boolean } = {}, held = ['duty']) =>
    eligibleFor(twoOfDuty, { reviews: given, behind: ['me'], ...state }, { id: 'a', kind: 'user', roles: held, person: 'a' }, decision);

  it('lets a reviewer change their mind, and not repeat themselves', () => {
    const given = [review('a', 'approve', 'duty')];
    expect(again(given, 'approve')).toEqual({ eligible: false, reason: 'already_decided' });
    expect(again(given, 'reject')).toEqual({ eligible: true, stage: 'stage 0' });
  });

  it('lets nobody change it once the stage is closed, whether they have said something or not', () => {
    const closed = [review('a', 'approve', 'duty'), review('b', 'approve', 'duty')];
    expect(again(closed, 'approve')).toEqual({ eligible: false, reason: 'already_decided' });
    for (const decision of ['reject', 'request_changes'] as const) {
      expect(again(closed, decision)).toEqual({ eligible: false, reason: 'not_eligible' });
      expect(again([review('c', 'approve', 'duty'), ...closed.slice(1)], decision)).toEqual({ eligible: false, reason: 'not_eligible' });
    }
    expect(again(closed, 'reject', {}, ['duty', 'safety'])).toEqual({ eligible: true, stage: 'stage 1' });
    expect(again([...closed, review('s', 'approve', 'safety')], 'reject', { held: true })).toEqual({ eligible: true, stage: 'stage 0' });
  });

  it('asks anew whose review counts for nothing any more, in the stage that it opened again', () => {
    const ended = { ...review('ann', 'approve', 'duty'), delegate: { id: 'eve', kind: 'user' as const, person: 'eve' }, disabled: true };
    const withoutRole = { ...ended, disabled: false, roles: [] };
    for (const id of ['ann', 'eve'])
      for (const given of [ended, withoutRole]) expect(ask(id, ['duty'], [given], 'approve')).toEqual({ eligible: true, stage: 'stage 0' });
    expect(ask('eve', ['duty'], [{ ...ended, disabled: false }], 'approve')).toEqual({ eligible: false, reason: 'already_decided' });
  });

  it('asks nobody of a stage that waits, whatever they said of another, nor of one that rejects, though policies hold the plan', () => {
    const notEligible = { eligible: false, reason: 'not_eligible' };
    expect(again([review('a', 'approve', 'duty')], 'approve', {}, ['safety'])).toEqual(notEligible);
    expect(again([review('b', 'reject', 'duty')], 'approve', { held: true })).toEqual(notEligible);
  });
});

function counts(one: CountedReview): boolean {
  return one.kind === 'user' && (!one.disabled || one.decision === 'reject') && one.reviewerId !== 'a';
}
