// What entries say of proposals, one after another: each by itself goes from state to state, has a plan, and reviews of that plan.
import { hasRoom, isEndOf, isTold, judgeExecution, rejectionsBeside, requirementToldOf, toldOf } from './approvals.mjs';
import { commit } from './decisions.mjs';
import { digestOf, Mismatch, sha256 } from './formats.mjs';
import { isText, isUuid } from './kinds.mjs';
import { isEnd, stateAfter } from './states.mjs';

/** Types of entries that are of a proposal, each of one. */
const ofProposals = /^(?:proposal\.|execution\.|review\.recorded$)/;
/** What entries of a type disclose that says who somebody is. */
const identities = new Map([
  ['proposal.created', ['proposer', 'actsFor']],
  ['review.recorded', ['reviewer', 'onBehalfOf']],
  ['proposal.glass_broken', ['actor']],
]);

/** Goes through entries in order, proposal by proposal. `requirements` are those of plans at hand, by digest. `fromStart`: nothing of any proposal is before the first of them. */
export class Story {
  constructor(requirements = new Map(), fromStart = true) {
    Object.assign(this, { fromStart, unjudgedAt: [] });
    this.requirements = requirements;
    this.proposals = new Map();
    this.counts = {
      entries: 0,
      proposals: 0,
      reviews: 0,
      executions: 0,
      unjudged: 0,
      conditionsUnjudged: 0,
      rejectionsUncounted: 0,
      decisions: 0,
      disclosed: 0,
      erased: 0,
      erasures: 0,
    };
    this.undisclosed = 0; // Commitments so far without a disclosure, beyond what entries behind them say was erased.
    this.tells = false; // Whether an entry has said whose approval its plan needs.
    this.lack = null; // The first that does not, until an entry says that earlier ones did not.
  }

  /** What an entry does not say, which one from before {@link changeFormat} need not. @throws {Mismatch} */
  lacks(seq, message) {
    if (this.tells || this.counts.formatChangedAt !== undefined) throw new Mismatch(seq, message);
    this.lack ??= { seq, message };
  }

  /** A log that an earlier version began says once where it goes on by this format. */
  changeFormat(seq) {
    if (this.counts.formatChangedAt !== undefined) throw new Mismatch(seq, 'says once more where entries begin to tell of approvals');
    Object.assign(this.counts, { formatChangedAt: seq, unjudgedBefore: this.counts.unjudgedBefore ?? 0 });
    this.lack = null;
  }

  /** Where no more than so many executions may be unjudged. @throws {Mismatch} */
  end(mostUnjudged = Number.POSITIVE_INFINITY) {
    if (this.lack !== null)
      throw new Mismatch(this.lack.seq, `${this.lack.message}, and no entry after it says that it was written before entries did`);
    const { unjudgedAt } = this;
    if (unjudgedAt.length > mostUnjudged)
      throw new Mismatch(
        unjudgedAt[mostUnjudged],
        `is of ${unjudgedAt.length} executions that cannot be judged: ${mostUnjudged} were expected`,
      );
  }

  /** One that `readEntry` read. @throws {Mismatch} */
  tell({ seq, at, facts, disclosures }) {
    this.counts.entries++;
    if (facts.type === 'principal.erased') this.erase(seq, facts);
    const disclosed = this.open(seq, facts.commitments ?? {}, disclosures);
    const unnamed = identities.get(facts.type)?.find((name) => disclosed[name] !== undefined && !isText(disclosed[name]));
    if (unnamed !== undefined) throw new Mismatch(seq, `what is disclosed as ${unnamed} is no text, as who somebody is has to be`);
    if ((ofProposals.test(facts.type) || facts.proposalId !== undefined) && !isUuid(facts.proposalId))
      throw new Mismatch(seq, `is ${facts.type}, and of no proposal`);
    if (facts.type === 'log.format_changed') this.changeFormat(seq);
    if (facts.decisions !== undefined && facts.proposalId === undefined) throw new Mismatch(seq, 'tells of decisions on no proposal');
    if (facts.proposalId === undefined) return;
    const isNew = !this.proposals.has(facts.proposalId);
    if (facts.type === 'proposal.created' && !isNew) throw new Mismatch(seq, 'creates a proposal that is there');
    if (isNew) {
      if (this.fromStart && facts.type !== 'proposal.created') throw new Mismatch(seq, 'is of a proposal that no entry creates');
      // What was created before the first entry here has a past that nobody can judge from here.
      this.proposals.set(facts.proposalId, { status: null, isWhole: facts.type === 'proposal.created', proposer: [], plan: null });
      this.counts.proposals++;
    }
    const known = this.proposals.get(facts.proposalId);
    if (facts.type === 'proposal.created') known.status = 'simulating';
    if (facts.type === 'proposal.created' && facts.status !== undefined && facts.status !== 'simulating')
      throw new Mismatch(seq, `creates a proposal that is ${facts.status}`);
    if (facts.type === 'proposal.created') known.proposer = [disclosed.proposer, disclosed.actsFor].filter((who) => who !== undefined);
    if (facts.type === 'proposal.revised' || facts.type === 'proposal.raised') known.plan = null;
    if (facts.type === 'proposal.simulated') this.plan(seq, known, facts);
    if (facts.type === 'proposal.escalated' && known.plan !== null) known.plan.escalated = true;
    if (facts.type === 'proposal.glass_broken' && known.plan?.digest === facts.planDigest)
      known.plan.broken = { by: known.plan.broken ? undefined : disclosed.actor };
    if (facts.type === 'review.recorded') this.review(seq, at, known, facts, disclosed);
    if (facts.type === 'proposal.executed' || facts.type === 'execution.applied') this.execute(seq, at, known, facts);
    if (facts.type === 'execution.undone' && known.executed !== undefined) known.executed.isOpen = false;
    this.counts.decisions += commit(seq, known, facts);
    if (facts.type === 'proposal.created') known.tellsDecisions = facts.decisions !== undefined;
    if (!facts.type.startsWith('proposal.') || facts.type === 'proposal.created') return;
    const to = stateAfter(seq, known.status, facts);
    if (to !== known.status && isEnd(to)) known.plan = null;
    known.status = to;
  }

  /** Each value that is disclosed is the one that the entry committed to. */
  open(seq, commitments, disclosures) {
    const disclosed = Object.create(null);
    for (const { name, salt, value } of disclosures) {
      if (sha256(Buffer.from(salt, 'hex'), value).toString('hex') !== commitments[name])
        throw new Mismatch(seq, `what is disclosed as ${name} is not what was committed to`);
      disclosed[name] = JSON.parse(value);
      this.counts.disclosed++;
    }
    const without = Object.keys(commitments).length - Object.keys(disclosed).length;
    this.counts.erased += without;
    this.undisclosed += without;
    return disclosed;
  }

  /** That so many disclosures of entries before it were erased; of a log that begins later, entries that are not here may have lost them. */
  erase(seq, { disclosures }) {
    if (!Number.isSafeInteger(disclosures) || disclosures < 0)
      throw new Mismatch(seq, 'tells that somebody was erased, and not how much of them');
    if (this.fromStart && disclosures > this.undisclosed)
      throw new Mismatch(
        seq,
        `tells that ${disclosures} values of entries before it were erased, and ${this.undisclosed} are gone that no other tells of`,
      );
    this.counts.erasures++;
    this.undisclosed = Math.max(0, this.undisclosed - disclosures);
  }

  /** A plan with another digest takes the place of the one before it, whose reviews are void for good. Where it is the same again they stay. */
  plan(seq, known, facts) {
    const { from, planDigest } = facts;
    if (from !== 'simulating') return; // Sent back to those who approve, with the plan that it has.
    if (known.executed !== undefined) Object.assign(known.executed, { isOpen: false, isLast: false });
    const given = this.requirements.get(planDigest) ?? null;
    const { requirement, digest: told } = toldOf(seq, facts);
    known.requirements ??= new Map(); // Of each digest what its entries told: it is over the requirement too, so they tell one.
    const before = isText(planDigest) ? known.requirements.get(planDigest) : undefined;
    if (told !== undefined && before !== undefined && told !== before)
      throw new Mismatch(seq, 'tells another requirement of a plan than was told of it before');
    known.requirements.set(planDigest, told ?? before);
    if (told === undefined) this.lacks(seq, 'does not say whose approval its plan needs');
    else this.tells = true;
    if (told !== undefined && given !== null && digestOf(given) !== told)
      throw new Mismatch(seq, 'names another requirement than the plan');
    if (known.plan !== null && known.plan.digest === planDigest) {
      known.plan.requirement ??= requirement;
      known.plan.told ??= told;
      return;
    }
    known.plan = {
      digest: planDigest,
      requirement: requirement ?? given,
      told,
      reviews: new Map(),
      lastOf: new Map(),
      escalated: false,
      broken: false,
    };
  }

  review(seq, at, known, { decision, planDigest, reviewId, commitments = {} }, { reviewer, onBehalfOf }) {
    this.counts.reviews++;
    if (!isText(reviewId)) throw new Mismatch(seq, 'tells of a review, and not of which');
    known.told ??= new Map(); // Of each whether it was given for somebody else, which stays when names are erased.
    if (known.told.has(reviewId)) throw new Mismatch(seq, 'tells of a review that was told before');
    known.told.set(reviewId, commitments.onBehalfOf !== undefined);
    const names = [reviewer, onBehalfOf].filter((who) => who !== undefined);
    if (known.plan === null || planDigest !== known.plan.digest) return;
    known.plan.reviews.set(reviewId, { seq, at, decision, names, status: known.status });
    for (const who of names) known.plan.lastOf.set(who, seq);
  }

  /** What ran was approved as its plan asked: by the reviews that the entry tells, which are counted here again. */
  execute(seq, at, known, facts) {
    const { executionId, planDigest, approvals } = facts;
    if ((known.status ?? 'executing') !== 'executing') throw new Mismatch(seq, `tells of an execution of a proposal in ${known.status}`);
    if (!isText(executionId)) throw new Mismatch(seq, 'tells of an execution, and not of which');
    if (known.executed?.executionId === executionId) return isEndOf(seq, known.executed, facts); // Told when the edits are applied, and again at the end.
    known.executions ??= new Set();
    if (known.executions.has(executionId)) throw new Mismatch(seq, 'tells once more of an execution, and not of its end');
    known.executions.add(executionId);
    if (!isTold(facts)) throw new Mismatch(seq, 'was executed, but those by whose approval are not told as people are');
    const asked = toldOf(seq, facts);
    this.counts.executions++;
    const { plan } = known;
    if (known.isWhole && (plan === null || !isText(planDigest) || plan.digest !== planDigest))
      throw new Mismatch(seq, 'the plan that ran is not the one that was to be approved');
    if (known.isWhole && approvals === undefined) this.lacks(seq, 'does not say by whose approval');
    const requirement = known.isWhole ? requirementToldOf(seq, plan, asked) : null;
    if (requirement !== null && approvals === null && hasRoom(requirement, plan.reviews.size))
      throw new Mismatch(seq, 'was executed, and says that there is no room for its approvals, of which there are few');
    const unread = requirement === null || !approvals ? null : judgeExecution(seq, at, { ...known, requirement }, facts);
    const isFromBefore = known.isWhole && (approvals === undefined || (plan.told === undefined && requirement === null));
    if (known.isWhole) this.counts.rejectionsUncounted += rejectionsBeside(plan, facts);
    if (unread !== null) this.counts.conditionsUnjudged += unread;
    else if (isFromBefore) this.counts.unjudgedBefore = (this.counts.unjudgedBefore ?? 0) + 1;
    else this.counts.unjudged++;
    if (unread === null) this.unjudgedAt.push(seq);
    const approvedBy = (approvals ?? []).map(({ review }) => plan?.reviews.get(review)?.names[0] ?? `erased ${review}`);
    known.executed = {
      executionId,
      planDigest,
      approvedBy,
      seq,
      isJudged: unread !== null,
      isOpen: facts.type === 'execution.applied',
      isLast: true,
    };
    known.plan = null;
  }
}
