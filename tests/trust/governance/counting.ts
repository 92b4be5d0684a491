import { type Decision, people } from './commands.ts';
import { InForce } from './in-force.ts';
import { type Delegation, type Glass, keyOf, type Proposal, planKey, type Review } from './model-proposal.ts';
import { approvalRules, type GlassRule, type Stage } from './rules.ts';
import { type Standing, standingOf, type Vote } from './stages.ts';

type Taken = (review: Review) => boolean;
const all: Taken = () => true;

/** Which reviews and which broken glass count for a proposal now, and what holds it. */
export class Counting extends InForce {
  protected stages({ action, size, setting, plan, asked }: Proposal): readonly Stage[] {
    if (setting !== null) {
      const role = 'on' in setting ? 'operator' : 'policies' in setting ? 'ontology-admin' : 'access-admin';
      // Any policies tighten the built-in ones; of all others each gives something up.
      const tightens = plan !== null && 'set' in plan && plan.base === 0;
      return tightens ? [] : [{ thresholds: [{ role, needed: 1, toleratedDenials: 0 }] }];
    }
    const rule = approvalRules[action];
    if (rule?.aloneUpTo !== undefined && size <= rule.aloneUpTo && !asked) return [];
    return (rule?.stages ?? []).filter(({ above = 0 }) => size > above);
  }

  /** Policy alone approves it: nobody but its proposer answers for it. */
  protected isAlone(proposal: Proposal): boolean {
    return proposal.setting === null && this.stages(proposal).length === 0;
  }

  protected partiesOf({ by, behalf }: Pick<Review, 'by' | 'behalf'>): number[] {
    return [by, ...(behalf === null ? [] : [behalf])].map((id) => this.principal(id).person);
  }

  /** Those in which nobody has a part who has one in a newer one, and of these those that have not lapsed. */
  protected newest({ action, reviews }: Proposal): Review[] {
    const last = approvalRules[action]?.approvalsLast ?? Number.POSITIVE_INFINITY;
    const newest = reviews.filter((review, at) => {
      const parties = this.partiesOf(review);
      return !reviews.slice(at + 1).some((newer) => this.partiesOf(newer).some((person) => parties.includes(person)));
    });
    return newest.filter(({ decision, at }) => decision !== 'approve' || this.now < at + last);
  }

  /** Without a delegation as oneself, with one in the delegator's place, as far as it goes: then both must be free to review. */
  protected rolesBy(by: string, delegation: Delegation | null, claims?: readonly string[]): readonly string[] {
    if (delegation === null) return this.principal(by).roles.filter((role) => claims === undefined || claims.includes(role));
    return this.principal(delegation.delegator).roles.filter((role) => delegation.role === null || delegation.role === role);
  }

  protected remember(review: Review): void {
    review.roles = [...new Set([...review.roles, ...this.rolesBy(review.by, review.delegation)])];
  }

  protected holds({ action, from, until, revoked }: Delegation, of: Proposal): boolean {
    return !revoked && from <= this.now && this.now < until && (action === null || action === of.action);
  }

  protected votes(proposal: Proposal, isTaken: Taken = all): (Vote & { parties: number[]; decision: Decision })[] {
    return this.newest(proposal)
      .filter(isTaken)
      .flatMap((review) => {
        const { by, behalf, delegation, decision } = review;
        const ids = [by, ...(behalf === null ? [] : [behalf])];
        // What was denied stays so, whoever loses what.
        const isFit = decision === 'reject' || ids.every((id) => !this.isDisabled(id));
        const isHeld = decision === 'reject' || delegation === null || this.holds(delegation, proposal);
        if (!isFit || !isHeld || ids.some((id) => this.isBehind(proposal, id))) return [];
        const { teams, person } = this.principal(behalf ?? by);
        const roles = [...this.rolesBy(by, delegation), ...(decision === 'reject' ? review.roles : [])];
        return [{ person: String(person), approves: decision === 'approve', roles, teams, parties: this.partiesOf(review), decision }];
      });
  }

  protected quorum(proposal: Proposal, isTaken: Taken = all): Standing {
    return standingOf(this.stages(proposal), this.votes(proposal, isTaken), approvalRules[proposal.action]?.shared ?? false);
  }

  protected approving(proposal: Proposal, isTaken: Taken = all) {
    const asked = this.stages(proposal).flatMap(({ thresholds }) => thresholds.map(({ role }) => role));
    return this.votes(proposal, isTaken).filter(({ approves, roles }) => approves && roles.some((role) => asked.includes(role)));
  }

  protected approvals(proposal: Proposal, isTaken: Taken = all): number {
    return this.approving(proposal, isTaken).length;
  }

  /** The open stage asks, and all of them where policies ask for more than the stages. */
  protected isAsked(
    proposal: Proposal,
    { by, decision, delegation }: { by: string; decision: Decision; delegation: Delegation | null },
    claims: readonly string[],
  ): boolean {
    const behalf = delegation?.delegator ?? null;
    const roles = this.rolesBy(by, delegation, claims);
    if (delegation !== null && (!this.holds(delegation, proposal) || this.isDisabled(delegation.delegator) || roles.length === 0))
      return false;
    if (behalf !== null && this.isBehind(proposal, behalf)) return false;
    const mine = this.partiesOf({ by, behalf });
    const { met } = this.quorum(proposal);
    const stages = this.stages(proposal);
    const asked = stages.flatMap(({ thresholds }) => thresholds.map(({ role }) => role));
    // What counts for nothing any more is as if it had not been said.
    const earlier = this.votes(proposal).filter(
      (vote) => vote.parties.some((one) => mine.includes(one)) && vote.roles.some((one) => asked.includes(one)),
    );
    const from = proposal.refusedBy.has(this.refusal(proposal)) ? 0 : met;
    const asking = stages.slice(from, met + 1).flatMap(({ thresholds }) => thresholds);
    return earlier.every((review) => review.decision !== decision) && asking.some(({ role }) => roles.includes(role));
  }

  protected refusal({ plan, revision }: Proposal): string {
    return `${this.version}/${revision}/${plan === null ? '' : keyOf(plan)}`;
  }

  protected glassRule({ action, setting }: Proposal): GlassRule | undefined {
    return setting === null ? approvalRules[action]?.glass : undefined;
  }

  protected mayBreak(proposal: Proposal, rule: GlassRule, by: string): boolean {
    const isPerson = people.some((person) => person === by) && !this.isDisabled(by) && this.principal(by).roles.includes(rule.role);
    return isPerson && (rule.byProposer === true || !this.isBehind(proposal, by));
  }

  /** The newest for the plan that it has. */
  protected glassOf(proposal: Proposal): Glass | undefined {
    return proposal.glasses.filter((glass) => glass.of === planKey(proposal)).at(-1);
  }

  /** It was broken by somebody who still might, and not too long ago. */
  protected isBroken(proposal: Proposal): boolean {
    const rule = this.glassRule(proposal);
    const glass = this.glassOf(proposal);
    const last = approvalRules[proposal.action]?.approvalsLast ?? Number.POSITIVE_INFINITY;
    return rule !== undefined && glass?.counts === true && this.now < glass.at + last && this.mayBreak(proposal, rule, glass.by);
  }

  protected isEmergency(proposal: Proposal, isTaken: Taken = all): boolean {
    const needed = this.glassRule(proposal)?.approvals ?? 0;
    return this.isBroken(proposal) && this.approvalsOfOthers(proposal, this.glassOf(proposal)?.by ?? '', isTaken) >= needed;
  }

  protected approvalsOfOthers(proposal: Proposal, breaker: string, isTaken: Taken = all): number {
    return this.approving(proposal, isTaken).filter(({ parties }) => !parties.includes(this.principal(breaker).person)).length;
  }

  /** In an emergency, as whoever broke the glass, proposed it or ever approved it, or on the side of one of these. */
  protected hadPartIn(proposal: Proposal, glass: Glass, who: string): boolean {
    const approvers = proposal.approvers.filter((one) => one.of === glass.of).flatMap(({ ids }) => ids);
    return this.isBehind(proposal, who) || this.isOnSideOf([glass.by, ...approvers], who);
  }

  protected isHeld(proposal: Proposal): boolean {
    const { action, after, setting } = proposal;
    if (after !== null && this.now < after) return true;
    if (setting !== null || (this.glassRule(proposal)?.passesWindows && this.isBroken(proposal))) return false;
    return this.windows.some(({ action: of, from, until }) => (of === null || of === action) && this.now >= from && this.now < until);
  }
}
