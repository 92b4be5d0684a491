// Whether an execution had the approvals that its plan asked for, by those that its entry tells.
import { admits, durationMs } from './conditions.mjs';
import { digestOf, Mismatch } from './formats.mjs';
import { isDigest, isObject, isText } from './kinds.mjs';
import { fills, lackOfApprovals } from './stages.mjs';

/** What an entry says of whose approval a plan needs: all of it, or its digest alone where that is too large for an entry. @throws {Mismatch} */
export function toldOf(seq, { requirement, requirementDigest }) {
  const isFormed = (requirement === undefined || isObject(requirement)) && (requirementDigest === undefined || isDigest(requirementDigest));
  if (!isFormed) throw new Mismatch(seq, 'says whose approval a plan needs, and not as that is told');
  if (requirement === undefined) return { requirement: null, digest: requirementDigest };
  return { requirement, digest: digestOf(requirement) };
}

/** What the plan that ran asked for: what its entry said, which the entry of the execution must say too; null where there is only a digest. @throws {Mismatch} */
export function requirementToldOf(seq, plan, { requirement, digest: told }) {
  if (told !== undefined && plan.told !== undefined && told !== plan.told)
    throw new Mismatch(seq, 'was executed under another requirement than its plan had');
  return requirement ?? plan.requirement;
}

/** The end of an execution with effects, which says nothing else and stands once, after its edits and before they are taken back. @throws {Mismatch} */
export function isEndOf(seq, executed, { type, planDigest, requirement, requirementDigest, approvals }) {
  const isBare = requirement === undefined && requirementDigest === undefined && approvals === undefined;
  if (!executed.isOpen || type !== 'proposal.executed' || planDigest !== executed.planDigest || !isBare)
    throw new Mismatch(seq, 'tells once more of an execution, and not of its end');
  executed.isOpen = false;
}

/** Whether people are numbers, reviews texts, roles and teams lists of texts, and `escalated` true or false: nobody is two by being written in two ways. */
export function isTold({ approvals, denials = [], escalated = false, emergency }) {
  const isNumber = (value) => Number.isSafeInteger(value) && value >= 0;
  const areTexts = (values) => Array.isArray(values) && values.every(isText);
  const isTeam = (team) => isText(team) || (Array.isArray(team) && team.length === 2 && isNumber(team[0]) && isText(team[1])); // As entries had it with `fills`.
  const areTeams = (teams) => Array.isArray(teams) && teams.every(isTeam);
  const isOne = ({ review, person, delegate = 0, roles, teams = [] }) =>
    isText(review) && isNumber(person) && isNumber(delegate) && areTexts(roles) && areTeams(teams);
  return (
    [approvals ?? [], denials].every((all) => Array.isArray(all) && all.every(isOne)) &&
    typeof escalated === 'boolean' &&
    (emergency === undefined || (isNumber(emergency.person) && areTexts(emergency.roles)))
  );
}

/** Whether an entry has room for this many reviews, whatever they are: false also where nobody can say, since teams, or roles that a condition escapes, may be of any length. */
export function hasRoom({ stages, breakGlass }, reviews) {
  const conditions = stages.flatMap(({ thresholds, afterEscalation = '' }) => [afterEscalation, ...thresholds.map((one) => one.reviewers)]);
  if (stages.some(({ teams }) => teams !== undefined) || conditions.some((one) => one.includes('\\'))) return false;
  const roles = new Set(conditions.flatMap((one) => one.match(/'[^'\n]*'|"[^"\n]*"/g) ?? []));
  const ofOne = 150 + 8 * conditions.length + Buffer.byteLength([...roles].join());
  return 200 + Buffer.byteLength(JSON.stringify(breakGlass?.roles ?? [])) + reviews * ofOne <= 30_000;
}

/**
 * Counts the approvals of an execution again: each is a review of this very plan that approves and that nobody took back, in time, of different people none of whom
 * stands behind the proposal; and those whom its stages ask can fill them, or an emergency stands in for that. @returns how many conditions could not be read; null
 * where there are too many ways to fill the stages. @throws {Mismatch}
 */
export function judgeExecution(seq, at, { plan, proposer, requirement, told }, { approvals, denials = [], escalated = false, emergency }) {
  const broken = (message) => new Mismatch(seq, `was executed, but ${message}`);
  if (requirement.automatic === true) return 0;
  if (!isFormed(requirement)) throw broken('what its plan asks for is not formed as requirements are');
  if (escalated && !plan.escalated) throw broken('nothing had escalated');
  if (emergency !== undefined && (requirement.breakGlass === undefined || !plan.broken))
    throw broken('nobody broke the glass for this plan');
  judgePeople(at, { plan, proposer, requirement, approvals, told }, broken);
  if (emergency !== undefined) judgeBreaker(plan, { proposer, approvals, emergency }, broken);
  const unread = new Set();
  const asks = (stage, index) => (one) => {
    if (one.fills?.some(([of, which]) => requirement.stages[of]?.thresholds[which] === undefined))
      throw broken('an approval counts for what the plan does not ask');
    if (one.fills !== undefined) return one.fills.some(([of, which]) => of === stage && which === index); // As entries had it before they told the requirement.
    const { thresholds, afterEscalation } = requirement.stages[stage];
    const either = [
      admits(thresholds[index].reviewers, one.roles),
      escalated && afterEscalation ? admits(afterEscalation, one.roles) : false,
    ];
    if (either.includes(true)) return true;
    if (either.includes(null)) unread.add(`${stage}/${index}`);
    return either.includes(null) ? null : false;
  };
  if (emergency !== undefined && isEmergency(requirement, { approvals, emergency, asks }, broken)) return unread.size;
  for (const [stage, { name, thresholds, require }] of requirement.stages.entries()) {
    const barred = thresholds.filter(
      ({ toleratedDenials }, index) => denials.filter((one) => asks(stage, index)(one) === true).length > toleratedDenials,
    );
    if (require === 'any' ? barred.length === thresholds.length : barred.length > 0) throw broken(`${name} had refused`);
  }
  const isFilled = fills(requirement, approvals, (stage, index) => (one) => asks(stage, index)(one) !== false);
  if (isFilled === null) return null;
  if (!isFilled) throw broken(lackOfApprovals(requirement, approvals, asks));
  return unread.size;
}

/** Whether a requirement has all that approvals are judged by. */
function isFormed({ stages, distinctReviewers, approvalsLast, breakGlass }) {
  const isCount = (value, least) => Number.isInteger(value) && value >= least;
  const isThreshold = ({ needed, toleratedDenials, reviewers }) => isCount(needed, 1) && isCount(toleratedDenials, 0) && isText(reviewers);
  return (
    typeof distinctReviewers === 'boolean' &&
    stages.length > 0 &&
    stages.every(({ thresholds, teams = 0 }) => isCount(teams, 0) && thresholds.length > 0 && thresholds.every(isThreshold)) &&
    (approvalsLast === undefined || durationMs(approvalsLast) !== null) &&
    (breakGlass === undefined || (Array.isArray(breakGlass.roles) && isCount(breakGlass.approvals, 0)))
  );
}

/** Whoever broke the glass, as far as that is disclosed, is no other number where they approve or propose. */
function judgeBreaker({ broken: { by }, reviews }, { proposer, approvals, emergency: { person } }, broken) {
  if (by === undefined) return;
  const isAnother = approvals.some((one) => reviews.get(one.review).names.includes(by) && ![one.person, one.delegate].includes(person));
  if (isAnother || (person !== 0 && proposer.includes(by))) throw broken(`${by}, who broke the glass, is counted as somebody else`);
}

/** Numbers and names of those who approve: nobody is two of them, or two one, and none is behind the proposal. */
function judgePeople(at, { plan, proposer, requirement, approvals, told }, broken) {
  const parties = approvals.flatMap(({ person, delegate }) => [person, ...(delegate === undefined ? [] : [delegate])]);
  if (parties.some((person) => !(person > 0))) throw broken('somebody behind the proposal is counted');
  if (new Set(parties).size < parties.length) throw broken('somebody is counted twice');
  if (new Set(approvals.map(({ review }) => review)).size < approvals.length) throw broken('a review is counted twice');
  const unlike = approvals.find(({ review, delegate }) => told?.has(review) && told.get(review) !== (delegate !== undefined));
  if (unlike !== undefined) throw broken(`of the approval ${unlike.review} it does not say as its review whether a delegate gave it`);
  // Nobody is named in two: the later took the place of the earlier.
  for (const { review: id } of approvals) {
    const own = approvalNamed(id, at, { plan, requirement }, broken).find((who) => proposer.includes(who));
    if (own !== undefined) throw broken(`${own} approved what they proposed`);
  }
}

/** @returns who gave it, as far as that is disclosed. */
function approvalNamed(id, at, { plan, requirement }, broken) {
  const review = plan.reviews.get(id);
  if (review === undefined) throw broken(`the approval ${id} is void, or was never given`);
  if (review.decision !== 'approve') throw broken(`the review ${id} approves nothing`);
  if (review.status !== 'awaiting_approval') throw broken(`the approval ${id} was given while the proposal was in ${review.status}`);
  if (isReplaced(review, plan)) throw broken(`the approval ${id} was taken back`);
  // The clock was asked a moment before the entry was written.
  const lasts = requirement.approvalsLast === undefined ? null : durationMs(requirement.approvalsLast) + 60_000;
  if (lasts !== null && Number(BigInt(at) - BigInt(review.at)) / 1_000 > lasts) throw broken(`the approval ${id} had lapsed`);
  return review.names;
}

/** Whether one of those who gave it gave another of this plan later. */
const isReplaced = ({ seq, names }, { lastOf }) => names.some((who) => lastOf.get(who) > seq);

/** How many reviews that reject the plan the execution does not tell as denials: why they did not count is the word of whoever wrote it. */
export function rejectionsBeside(plan, { denials = [] }) {
  const told = new Set(denials.map(({ review }) => review));
  return [...plan.reviews].filter(([id, one]) => one.decision === 'reject' && !told.has(id) && !isReplaced(one, plan)).length;
}

/** Fewer approvals, beside somebody who may break the glass, stand in for the stages; false where there are even fewer, and the stages have to be filled. */
function isEmergency({ stages, breakGlass: rule }, { approvals, emergency, asks }, broken) {
  if (!emergency.roles.some((role) => rule.roles.includes(role))) throw broken('the glass was broken by nobody who may');
  if (emergency.person === 0 && rule.byProposer !== true) throw broken('the glass was broken by somebody behind the proposal');
  const isAsked = (one) => stages.some(({ thresholds }, stage) => thresholds.some((_, index) => asks(stage, index)(one) !== false));
  const others = approvals.filter(({ person, delegate }) => person !== emergency.person && delegate !== emergency.person);
  return others.filter(isAsked).length >= rule.approvals;
}
