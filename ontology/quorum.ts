import { type AssignedStage, assignApprovals } from './assign-approvals.ts';
import type { ReviewDecision } from './authority.ts';
import type { Expression } from './cel/expression.ts';
import { admits, compilePrincipalExpression } from './cel/principal-expression.ts';
import { requirementInForce } from './escalate-requirement.ts';
import type { ResolvedRequirement, ResolvedStage } from './plan.ts';
import type { Principal } from './principal.ts';

/** A reviewer's newest review of the current digest and revision, with the reviewer's standing as it is now; of a denial with the roles that they had then or since. */
export interface CountedReview {
  id: string;
  reviewerId: string;
  decision: ReviewDecision;
  at: string;
  roles: readonly string[];
  kind: Principal['kind'];
  disabled: boolean;
  /** Linked identities are one person. */
  person: string;
  teams: readonly string[];
  /** Who gave it on the reviewer's behalf. All else is the reviewer's, but `disabled` is also true where the delegate is, or the delegation holds no more. */
  delegate?: { id: string; kind: Principal['kind']; person: string } | null;
}

export interface ThresholdState {
  name: string;
  needed: number;
  given: number;
  denied: number;
}

export interface StageState {
  name: string;
  /** `open` is the first stage not yet approved; those after it are `waiting`. */
  status: 'open' | 'waiting' | 'approved' | 'rejected';
  /** Whether every threshold must be met or any one. */
  require: 'all' | 'any';
  thresholds: ThresholdState[];
  /** From how many different teams people must come, and do; absent where that is not asked. */
  teams?: { needed: number; given: number };
}

export interface QuorumState {
  verdict: 'pending' | 'approved' | 'rejected';
  stages: StageState[];
  openStage?: string;
  /** What is still missing, in words for people; empty when nothing is. */
  missing: string;
}

/**
 * Those that count: of each person the newest, of people alone who are not behind the proposal. An approval counts no more once they are disabled, or the delegation holds no more. A denial
 * does: whoever administers the directory alone could else take it away, and whoever denies wrongly only has it proposed once more.
 */
export function countedReviews(reviews: readonly CountedReview[], behind: readonly string[]): CountedReview[] {
  return newestOfEach(reviews).filter((review) => {
    const isHuman = review.kind === 'user' && (!review.delegate || review.delegate.kind === 'user');
    return isHuman && (!review.disabled || review.decision === 'reject') && !partiesOf(review).some((person) => behind.includes(person));
  });
}

/**
 * Settles who has approved what. Pure, total, and independent of the order of the reviews: a denial beyond what a threshold tolerates rejects whatever else was
 * said; approvals are assigned to thresholds, earlier stages first, so that as many as possible are met. Neither the persons behind the proposal, nor agents and
 * services count, nor approvals of disabled principals, and of a person with several identities the newest review alone. A review by a delegate is the delegator's and takes up
 * both: of all the reviews in which a person had a part the newest alone counts, so nobody counts twice.
 */
export function settleQuorum(resolved: ResolvedRequirement, reviews: readonly CountedReview[], behind: readonly string[]): QuorumState {
  const requirement = requirementInForce(resolved);
  if (requirement.automatic) {
    return { verdict: 'approved', stages: [], missing: '' };
  }
  const counted = countedReviews(reviews, behind);
  const approvals = counted.filter((review) => review.decision === 'approve').sort((a, b) => (a.reviewerId < b.reviewerId ? -1 : 1));
  const denials = counted.filter((review) => review.decision === 'reject');
  const given = assignApprovals(requirement, approvals, isAdmitted);

  let open = -1;
  const stages = requirement.stages.map((stage, at): StageState => {
    const filled = given[at] as AssignedStage;
    const denied = stage.thresholds.map((threshold) => denials.filter((review) => isAdmitted(threshold.reviewers, review)).length);
    const state = (status: StageState['status']): StageState => ({
      name: stage.name,
      status,
      require: stage.require ?? 'all',
      thresholds: stage.thresholds.map(({ name, needed }, index) => ({
        name,
        needed,
        given: filled.standing[index]?.length ?? 0,
        denied: denied[index] ?? 0,
      })),
      ...(stage.teams === undefined ? {} : { teams: { needed: stage.teams, given: filled.teams.length } }),
    });
    const barred = stage.thresholds.map((threshold, index) => (denied[index] ?? 0) > threshold.toleratedDenials);
    if (stage.require === 'any' ? barred.every(Boolean) : barred.some(Boolean)) {
      return state('rejected');
    }
    if (open === -1 && filled.isMet) {
      return state('approved');
    }
    const status = open === -1 ? 'open' : 'waiting';
    open = open === -1 ? at : open;
    return state(status);
  });

  if (stages.some((stage) => stage.status === 'rejected')) {
    return { verdict: 'rejected', stages, missing: '' };
  }
  const openStage = stages[open];
  return openStage
    ? { verdict: 'pending', stages, openStage: openStage.name, missing: describeMissing(stages) }
    : { verdict: 'approved', stages, missing: '' };
}

export type Eligibility =
  | { eligible: true; stage: string }
  | { eligible: false; reason: 'self_review' | 'agent_may_not_review' | 'not_eligible' | 'already_decided' };

/**
 * May this reviewer act now? In the open stage, also to change a mind about it: what was said of a stage stands once it is closed. Where every stage is full and policies hold the plan
 * none is closed. Without `decision` the question is whether a first review would be taken.
 */
export function eligibleFor(
  requirement: ResolvedRequirement,
  state: { reviews: readonly CountedReview[]; behind: readonly string[]; held?: boolean },
  reviewer: Principal & Pick<CountedReview, 'person' | 'delegate'>,
  decision?: ReviewDecision,
): Eligibility {
  if (reviewer.kind !== 'user' || (reviewer.delegate && reviewer.delegate.kind !== 'user')) {
    return { eligible: false, reason: 'agent_may_not_review' };
  }
  if (partiesOf(reviewer).some((person) => state.behind.includes(person))) {
    return { eligible: false, reason: 'self_review' };
  }
  const all = requirementInForce(requirement).stages;
  const isAsked = (who: CountedReview | typeof reviewer) => (stage: ResolvedStage) =>
    stage.thresholds.some((threshold) => isAdmitted(threshold.reviewers, who));
  // What counts for nothing any more, as by a delegation that has ended or for whoever lost the role, was not said yet: it opened its stage again.
  const mine = countedReviews(state.reviews, state.behind).filter((review) => haveOneParty(review, reviewer) && all.some(isAsked(review)));
  const asking = all.filter(isAsked(reviewer)).map(({ name }) => name);
  const { stages } = settleQuorum(requirement, state.reviews, state.behind);
  const reached = stages.filter(({ name, status }) => asking.includes(name) && (status === 'open' || status === 'approved'));
  if (reached.length > 0 && mine.some((review) => decision === undefined || review.decision === decision)) {
    return { eligible: false, reason: 'already_decided' };
  }
  const stage = reached.filter(({ status }) => status === 'open' || state.held).at(-1);
  if (!stage) {
    return { eligible: false, reason: 'not_eligible' };
  }
  return { eligible: true, stage: stage.name };
}

/** How many people approve who may, by the stages that are asked: what policies go by. Where none is asked nobody may. */
export function approvalsCounted(requirement: ResolvedRequirement, reviews: readonly CountedReview[], behind: readonly string[]): number {
  const thresholds = requirementInForce(requirement).stages.flatMap((stage) => stage.thresholds);
  const isAsked = (review: CountedReview) => thresholds.some(({ reviewers }) => isAdmitted(reviewers, review));
  return countedReviews(reviews, behind).filter((review) => review.decision === 'approve' && isAsked(review)).length;
}

/** Who has a part in a review: whose it is, and the delegate who gave it. */
export function partiesOf({ person, delegate }: Pick<CountedReview, 'person' | 'delegate'>): string[] {
  return delegate ? [person, delegate.person] : [person];
}

function haveOneParty(one: Pick<CountedReview, 'person' | 'delegate'>, other: Pick<CountedReview, 'person' | 'delegate'>): boolean {
  const parties = partiesOf(other);
  return partiesOf(one).some((person) => parties.includes(person));
}

/**
 * Those that are the newest of all their parties. One that no longer counts still stands before older ones: that a delegation ended must not bring an approval back
 * that was taken back through it. The door does the same.
 */
function newestOfEach(reviews: readonly CountedReview[]): CountedReview[] {
  return reviews.filter(
    (review, at) =>
      !reviews.some((other, otherAt) => otherAt !== at && haveOneParty(other, review) && isNewer([other, otherAt], [review, at])),
  );
}

/** Of two at one instant the one that does not approve; else either, but one of them. */
function isNewer([one, oneAt]: [CountedReview, number], [other, otherAt]: [CountedReview, number]): boolean {
  if (one.at !== other.at) return one.at > other.at;
  if ((one.decision === 'approve') !== (other.decision === 'approve')) return one.decision !== 'approve';
  return keyOf(one) === keyOf(other) ? oneAt > otherAt : keyOf(one) > keyOf(other);
}

/** So that the outcome does not depend on the order in which reviews are given. */
function keyOf({ reviewerId, delegate, decision }: CountedReview): string {
  return JSON.stringify([delegate?.id ?? reviewerId, reviewerId, decision]);
}

function describeMissing(stages: readonly StageState[]): string {
  return stages
    .filter((stage) => stage.status !== 'approved')
    .flatMap((stage) => {
      const people = stage.thresholds
        .filter((threshold) => threshold.given < threshold.needed)
        .map((threshold) => {
          const missing = threshold.needed - threshold.given;
          const of = threshold.name === stage.name ? stage.name : `${stage.name} (${threshold.name})`;
          return `${missing} more ${missing === 1 ? 'approval' : 'approvals'} for ${of}`;
        });
      const isMet = stage.require === 'any' && people.length < stage.thresholds.length;
      const teams = stage.teams === undefined ? 0 : stage.teams.needed - stage.teams.given;
      return [
        ...(isMet ? [] : stage.require === 'any' ? [people.join(' or ')] : people),
        ...(teams > 0 ? [`people of ${teams} more ${teams === 1 ? 'team' : 'teams'} for ${stage.name}`] : []),
      ];
    })
    .join(', ');
}

const compiled = new Map<string, Expression | null>();
/** Requirements come from accepted policies, of which there are few; the bound is for a process that serves very many tenants. */
const maximumCompiled = 10_000;

/** An expression that does not compile admits nobody: the plan was made by a policy that did compile, so this is a refusal, never a way in. */
export function isAdmitted(
  text: string,
  principal: { reviewerId?: string; id?: string; kind: Principal['kind']; roles: readonly string[] },
): boolean {
  let expression = compiled.get(text);
  if (expression === undefined) {
    const outcome = compilePrincipalExpression('reviewer', text, '');
    expression = 'expression' in outcome ? outcome.expression : null;
    if (compiled.size >= maximumCompiled) {
      compiled.clear();
    }
    compiled.set(text, expression);
  }
  const id = principal.reviewerId ?? principal.id ?? '';
  return expression !== null && admits(expression, 'reviewer', { id, kind: principal.kind, roles: principal.roles });
}
