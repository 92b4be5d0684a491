import { assignApprovals } from './assign-approvals.ts';
import type { BrokenGlass } from './authority.ts';
import { canonicalText, sha256Hex } from './canonical-json.ts';
import { requirementInForce } from './escalate-requirement.ts';
import type { JsonObject } from './json.ts';
import type { ResolvedRequirement } from './plan.ts';
import { type CountedReview, countedReviews, isAdmitted, partiesOf } from './quorum.ts';

/**
 * What the entry of an execution says of the approvals it went by, so that whoever has nothing but the log can count them again: which review stood in which threshold,
 * and which of its reviewer's roles its condition speaks of. People are numbers, 0 for whoever stands behind the proposal, so that who is erased is still told from the
 * others. `emergency` is who broke the glass, where that stands in for the quorum; then every approval by somebody who was asked is told.
 */
export function tellApprovals(
  resolved: ResolvedRequirement,
  reviews: readonly CountedReview[],
  behind: readonly string[],
  emergency: BrokenGlass | null = null,
): JsonObject {
  const requirement = requirementInForce(resolved);
  if (requirement.automatic) return { approvals: [] };
  const breaker = emergency?.person;
  const counted = countedReviews(reviews, behind).filter((review) => breaker === undefined || !partiesOf(review).includes(breaker));
  const approvals = counted.filter(({ decision }) => decision === 'approve').sort((a, b) => (a.reviewerId < b.reviewerId ? -1 : 1));
  const people = new Map<string, number>(behind.map((person) => [person, 0]));
  let known = 0;
  const numberOf = (person: string): number => {
    if (!people.has(person)) people.set(person, ++known);
    return people.get(person) ?? 0;
  };
  const speaksOf = (text: string) => (role: string) => text.includes(JSON.stringify(role)) || text.includes(`'${role}'`);
  const tell = (review: CountedReview, fills: number[][], teams: [number, string][] = []): JsonObject => {
    const conditions = [
      ...fills.map(([stage = 0, threshold = 0]) => requirement.stages[stage]?.thresholds[threshold]),
      ...teams.flatMap(([stage]) => requirement.stages[stage]?.thresholds ?? []),
    ];
    const text = conditions.map((threshold) => threshold?.reviewers ?? '').join('\n');
    return {
      review: review.id,
      person: numberOf(review.person),
      ...(review.delegate ? { delegate: numberOf(review.delegate.person) } : {}),
      roles: review.roles.filter(speaksOf(text)).sort(),
      fills,
      ...(teams.length > 0 ? { teams } : {}),
    };
  };
  const asked = (review: CountedReview): number[][] =>
    requirement.stages.flatMap((stage, at) =>
      stage.thresholds.flatMap(({ reviewers }, index) => (isAdmitted(reviewers, review) ? [[at, index]] : [])),
    );
  const filled = emergency === null ? assignApprovals(requirement, approvals, isAdmitted) : null;
  const told = approvals.flatMap((review, place) => {
    const fills =
      filled?.flatMap(({ standing }, at) => standing.flatMap((places, index) => (places.includes(place) ? [[at, index]] : []))) ??
      asked(review);
    const teams =
      filled?.flatMap((stage, at) => stage.teams.flatMap(([person, team]): [number, string][] => (person === place ? [[at, team]] : []))) ??
      [];
    return fills.length + teams.length === 0 ? [] : [tell(review, fills, teams)];
  });
  const denials = counted.filter(({ decision }) => decision === 'reject').map((review) => tell(review, asked(review)));
  const entry: JsonObject = {
    approvals: told,
    ...(denials.length > 0 ? { denials } : {}),
    ...(resolved.escalated === true ? { escalated: true } : {}),
    ...(emergency === null ? {} : { emergency: breakerOf(emergency, requirement, numberOf) }),
  };
  return canonicalText(entry).length > mostCharacters ? { approvals: null } : entry;
}

/** An entry holds 64 KiB; this many is some hundred approvals, and far fewer people approve one plan. */
const mostCharacters = 40_000;

function breakerOf({ person, roles }: BrokenGlass, { breakGlass }: ResolvedRequirement, numberOf: (person: string) => number): JsonObject {
  return { person: numberOf(person), roles: roles.filter((role) => breakGlass?.roles.includes(role) === true).sort() };
}

/** A requirement as the entry of its plan has it: whole, or its digest where an entry has no room for it. */
export function tellRequirement(requirement: ResolvedRequirement): JsonObject {
  const text = canonicalText(requirement as unknown as JsonObject);
  return Buffer.byteLength(text) <= mostRequirementBytes
    ? { requirement: requirement as unknown as JsonObject }
    : { requirementDigest: `sha256:${sha256Hex(text)}` };
}

const mostRequirementBytes = 32_768; // Half of what an entry holds; a policy of ten stages with ordinary conditions has a tenth of it.
