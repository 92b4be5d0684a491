import type { BrokenGlass, GlassRule } from './authority.ts';
import type { ResolvedRequirement } from './plan.ts';
import { approvalsCounted, type CountedReview } from './quorum.ts';

type Breaker = Pick<BrokenGlass, 'kind' | 'roles' | 'disabled' | 'person'>;

/** Whether this principal is one whom the rule lets break the glass: a person in one of its roles, and on the proposer's side only where it says so expressly. */
export function mayBreakGlass({ roles, byProposer }: GlassRule, who: Breaker, behind: readonly string[]): boolean {
  return (
    who.kind === 'user' &&
    !who.disabled &&
    roles.some((role) => who.roles.includes(role)) &&
    (byProposer === true || !behind.includes(who.person))
  );
}

/** Whether as many people approve, beside whoever breaks the glass, as are needed even then. */
export function isApprovedEnough(
  requirement: ResolvedRequirement,
  reviews: readonly CountedReview[],
  { behind, breaker }: { behind: readonly string[]; breaker: string },
): boolean {
  const others = reviews.filter(({ person, delegate }) => person !== breaker && delegate?.person !== breaker);
  return requirement.breakGlass !== undefined && approvalsCounted(requirement, others, behind) >= requirement.breakGlass.approvals;
}

/** Whether a broken glass stands in for the quorum now. Asked anew whenever the quorum is: whoever broke it may have lost the role, or an approval was taken back. */
export function glassHolds(
  requirement: ResolvedRequirement,
  glass: BrokenGlass | null | undefined,
  reviews: readonly CountedReview[],
  behind: readonly string[],
): boolean {
  const rule = requirement.breakGlass;
  if (rule === undefined || glass === null || glass === undefined) return false;
  return mayBreakGlass(rule, glass, behind) && isApprovedEnough(requirement, reviews, { behind, breaker: glass.person });
}
