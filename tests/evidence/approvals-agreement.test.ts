// The server decides by the quorum whether a plan may run, and the verifier, which shares nothing with it, by what the entry of the execution says: the two must agree.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BrokenGlass } from '../../ontology/authority.ts';
import { glassHolds, mayBreakGlass } from '../../ontology/broken-glass.ts';
import { compilePrincipalExpression } from '../../ontology/cel/principal-expression.ts';
import type { ResolvedRequirement } from '../../ontology/plan.ts';
import { type CountedReview, countedReviews, settleQuorum } from '../../ontology/quorum.ts';
import { tellRequirement } from '../../ontology/tell-requirement.ts';

const { Story } = await import(String(new URL('../../verifier/story.mjs', import.meta.url)));
const { admits } = await import(String(new URL('../../verifier/conditions.mjs', import.meta.url)));

const roles = ['duty', 'safety', 'chief'];
const role = fc.constantFrom(...roles);
const stage = fc.record(
  {
    name: fc.constant('stage'),
    thresholds: fc.array(
      fc.record({
        name: fc.constant('some'),
        needed: fc.integer({ min: 1, max: 2 }),
        toleratedDenials: fc.integer({ min: 0, max: 1 }),
        reviewers: fc.oneof(
          role.map((one) => `'${one}' in reviewer.roles`),
          fc
            .tuple(role, role)
            .map(([one, other]) => `!("${one}" in reviewer.roles) || '${one}' in reviewer.roles && ('${other}' in reviewer.roles)`),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    require: fc.constant('any' as const),
    teams: fc.integer({ min: 2, max: 3 }),
  },
  { requiredKeys: ['name', 'thresholds'] },
);
const requirements: fc.Arbitrary<ResolvedRequirement> = fc.record(
  {
    policy: fc.constant('p'),
    automatic: fc.constant(false),
    stages: fc.array(stage, { minLength: 1, maxLength: 3 }),
    distinctReviewers: fc.boolean(),
    expiresAfter: fc.constant('PT1H'),
    breakGlass: fc.record({
      roles: fc.constant(['chief']),
      approvals: fc.integer({ min: 0, max: 2 }),
      reviewWithin: fc.constant('PT1H'),
      reviewers: fc.constant('true'),
    }),
  },
  { requiredKeys: ['policy', 'automatic', 'stages', 'distinctReviewers', 'expiresAfter'] },
);
const people = [...'abcdefg'];
const reviews: fc.Arbitrary<CountedReview[]> = fc
  .uniqueArray(
    fc.record({
      reviewerId: fc.constantFrom(...people),
      decision: fc.constantFrom('approve' as const, 'approve' as const, 'approve' as const, 'reject' as const),
      roles: fc.subarray(roles),
      kind: fc.constantFrom('user' as const, 'user' as const, 'user' as const, 'agent' as const),
      disabled: fc.constantFrom(false, false, false, true),
      teams: fc.subarray(['day', 'night', 'standby']),
    }),
    { selector: ({ reviewerId }) => reviewerId, maxLength: 7 },
  )
  .map((all) => all.map((one) => ({ ...one, id: `of-${one.reviewerId}`, at: '2026-01-01T00:00:00.000Z', person: one.reviewerId })));

/** As the door tells it: those that count, whoever is asked. */
function told(requirement: ResolvedRequirement, given: readonly CountedReview[], glass: BrokenGlass | null): object {
  const of = (decision: string) =>
    countedReviews(given, ['a'])
      .filter((one) => one.decision === decision)
      .map(({ id, person, roles: held, teams }) => ({ review: id, person: numberOf(person), roles: held, teams }));
  const rule = requirement.breakGlass;
  const holds = glass !== null && rule !== undefined && mayBreakGlass(rule, glass, ['a']);
  const emergency = holds ? { emergency: { person: numberOf(glass.person), roles: glass.roles } } : {};
  return { approvals: of('approve'), denials: of('reject'), ...tellRequirement(requirement), ...emergency };
}

const proposalId = '0b5d2b04-9c62-4c0e-8f0c-3c5d6f1b7a11';
const numberOf = (person: string) => people.indexOf(person); // 0 is the proposer.

/** What the verifier says of a proposal of `a` that was executed; null where all holds. */
function judged(requirement: ResolvedRequirement, given: readonly CountedReview[], glass: BrokenGlass | null): string | null {
  const story = new Story();
  let seq = 0;
  const tell = (facts: object, disclosed: Record<string, string> = {}) => {
    const disclosures = Object.entries(disclosed).map(([name, value]) => ({ name, salt: '', value: JSON.stringify(value) }));
    story.open = () => disclosed; // Commitments are checked elsewhere.
    story.tell({ seq: ++seq, at: String(seq), facts: { proposalId, planDigest: 'd', ...facts }, disclosures });
  };
  tell({ type: 'proposal.created' }, { proposer: 'a' });
  tell({ type: 'proposal.simulated', from: 'simulating', status: 'awaiting_approval', ...tellRequirement(requirement) });
  for (const { id, reviewerId, decision } of given) tell({ type: 'review.recorded', reviewId: id, decision }, { reviewer: reviewerId });
  if (glass !== null) tell({ type: 'proposal.glass_broken' }, { actor: glass.by });
  tell({ type: 'proposal.approved', from: 'awaiting_approval', status: 'approved' });
  tell({ type: 'proposal.executing', from: 'approved', status: 'executing' });
  try {
    tell({ type: 'proposal.executed', status: 'executed', executionId: 'x', ...told(requirement, given, glass) });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the verifier', () => {
  it('lets an execution pass exactly where the quorum does', () => {
    const seen = { passed: 0, refused: 0 };
    fc.assert(
      fc.property(requirements, reviews, (requirement, given) => {
        const said = judged(requirement, given, null);
        seen[said === null ? 'passed' : 'refused']++;
        expect(said === null, said ?? 'passed').toBe(settleQuorum(requirement, given, ['a']).verdict === 'approved');
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(seen.passed, seen.refused)).toBeGreaterThan(30);
  });

  it('lets one in an emergency pass exactly where the quorum does or the glass holds', () => {
    const seen = { passed: 0, refused: 0 };
    const breakers = fc.record({ by: fc.constantFrom(...people), roles: fc.subarray(roles) });
    fc.assert(
      fc.property(requirements, reviews, breakers, (requirement, given, { by, roles: held }) => {
        const glass: BrokenGlass = { by, kind: 'user', roles: held, disabled: false, person: by };
        const said = judged(requirement, given, glass);
        seen[said === null ? 'passed' : 'refused']++;
        const isApproved = settleQuorum(requirement, given, ['a']).verdict === 'approved';
        expect(said === null, said ?? 'passed').toBe(isApproved || glassHolds(requirement, glass, given, ['a']));
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(seen.passed, seen.refused)).toBeGreaterThan(30);
  });

  it('takes a `!` for what CEL takes it for, which refuses one before a text', () => {
    expect(admits("!('a' in reviewer.roles)", ['b'])).toBe(true);
    expect(admits('!!(!true || true)', [])).toBe(true);
    for (const other of [
      "!'a' in reviewer.roles",
      "!reviewer.kind == 'agent'",
      "true && !'a' in reviewer.roles || true",
      "!!'a' in reviewer.roles",
      '!',
    ]) {
      expect(admits(other, ['b']), other).toBeNull();
      expect(compilePrincipalExpression('reviewer', other, '/x'), other).toHaveProperty('fault');
    }
  });

  it('reads conditions on roles, and says so of what it does not read', () => {
    expect(admits("'a' in reviewer.roles && !('b' in reviewer.roles || 'c' in reviewer.roles)", ['a'])).toBe(true);
    expect(admits('(\'a\' in reviewer.roles\n) || ("b" in reviewer.roles\n)', ['b'])).toBe(true);
    expect(admits("'a' in reviewer.roles || 'b' in reviewer.roles && 'c' in reviewer.roles", ['b'])).toBe(false);
    for (const other of [
      "reviewer.id == 'x'",
      "'a' in reviewer.roles ? true : false",
      "'a' in reviewer.roles // or",
      "r'a' in reviewer.roles",
      '',
      "('a' in reviewer.roles",
    ])
      expect(admits(other, ['a']), other).toBeNull();
  });
});
