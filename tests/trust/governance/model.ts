/**
 * What the documents say of governance, kept in memory: small, slow, and sharing nothing with the product. Each command answers whether it is done; time passes only
 * by `wait`. A new way to approve or to execute is one more command here, in `commands.ts` and in `office.ts`.
 */
import type { Command, Decision } from './commands.ts';
import { people, principals } from './commands.ts';
import { approvalRules, expiresAfter, firstFilling, policySets, refills, type Stage } from './rules.ts';
import { type Standing, standingOf, type Vote } from './stages.ts';

interface Principal {
  roles: readonly string[];
  teams: readonly string[];
  disabled: boolean;
  actsFor: string | null;
  /** Whoever has the same number is the same person. */
  person: number;
}

interface Review {
  by: string;
  decision: Decision;
  at: number;
}

interface Proposal {
  by: string;
  /** For whom the proposer acted when it was made. */
  behalf: string | null;
  action: string;
  size: number;
  revision: number;
  status: string;
  after: number | null;
  expires: number;
  reviews: Review[];
  /** Sets of policies that refused which plan of it, until somebody reviews it again. */
  refusedBy: Set<string>;
  /** What its plan does; null until it has one. */
  plan: Effect | null;
  /** How often the box had been filled when it was planned. */
  seen: number;
  /** Of a revert, what it takes back. */
  revertOf: Proposal | null;
}

/** A slot that is made or goes, or another filling of the box. */
type Effect = { slot: string; made: boolean } | { from: string; to: string };

export const startingStanding: Readonly<Record<string, { roles: readonly string[]; teams: readonly string[] }>> = {
  ann: { roles: ['keeper', 'officer'], teams: ['red'] },
  ben: { roles: ['keeper'], teams: ['red', 'blue'] },
  cleo: { roles: ['keeper', 'officer'], teams: ['blue'] },
  dora: { roles: ['officer'], teams: ['green'] },
  eve: { roles: ['keeper'], teams: ['red'] },
  bot: { roles: ['agent'], teams: [] },
};

const over = ['invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed'];

export class Model {
  readonly proposals: Proposal[] = [];
  /** What is there by what was executed. */
  readonly slots = new Set<string>();
  box = firstFilling;
  private fillings = 0;
  private now = 0;
  private set = 0;
  private persons = 0;
  private readonly off = new Set<string>();
  private readonly windows: { action: string | null; from: number; until: number }[] = [];
  private readonly directory = new Map(
    principals.map((id): [string, Principal] => [id, { ...this.standing(id), disabled: false, actsFor: null, person: this.persons++ }]),
  );

  play(command: Command): boolean {
    switch (command.do) {
      case 'propose':
        return this.propose(command);
      case 'step':
        return this.step(command);
      case 'review':
        return this.review(command);
      case 'revise':
        return this.revise(command);
      case 'revert':
        return this.revert(command);
      case 'withdraw':
        return this.withdraw(command);
      case 'link':
        return this.link(command.who, command.others);
      case 'roles':
        this.principal(command.who).roles = command.roles;
        return true;
      case 'teams':
        this.principal(command.who).teams = command.teams;
        return true;
      case 'disable':
        this.principal(command.who).disabled = command.disabled;
        return true;
      case 'actFor':
        this.principal(command.who).actsFor = command.whom;
        return true;
      case 'switch':
        if (!command.cut) this.off[command.on ? 'delete' : 'add'](`${command.scope}/${command.name}`);
        return !command.cut;
      case 'freeze':
        this.windows.push({ action: command.action, from: this.now + command.from, until: this.now + command.from + command.minutes });
        return true;
      case 'enforce':
        this.set = command.set;
        return true;
      case 'wait':
        this.now += command.minutes;
        return true;
    }
  }

  private standing(id: string) {
    return startingStanding[id] ?? { roles: [], teams: [] };
  }

  private principal(id: string): Principal {
    const principal = this.directory.get(id);
    if (principal === undefined) throw new Error(`nobody is ${id}`);
    return principal;
  }

  private isMember(id: string, claims?: readonly string[]): boolean {
    const { disabled, roles } = this.principal(id);
    return !disabled && roles.some((role) => claims === undefined || claims.includes(role));
  }

  private propose({ by, action, size, after, cut }: Extract<Command, { do: 'propose' }>): boolean {
    const behalf = this.principal(by).actsFor;
    const refused = !this.isMember(by) || policySets[this.set]?.proposal?.({ proposer: by }) || this.isStopped({ by, behalf, action });
    if (refused || cut) return false;
    this.proposals.push({
      ...{ by, behalf, action, size, ...this.unplanned() },
      after: after === null ? null : this.now + after,
      revertOf: null,
    });
    return true;
  }

  private unplanned() {
    return {
      revision: 1,
      status: 'simulating',
      reviews: [],
      refusedBy: new Set<string>(),
      plan: null,
      seen: 0,
      expires: this.now + expiresAfter,
    };
  }

  /** A proposal like the one that it takes back, of somebody else perhaps: asked of the same people, and only its own proposer is barred. */
  private revert({ of, by, cut }: Extract<Command, { do: 'revert' }>): boolean {
    const original = this.proposals[of];
    if (original?.status !== 'executed' || !this.isMember(by) || policySets[this.set]?.proposal?.({ proposer: by })) return false;
    const others = this.proposals.filter(
      ({ revertOf, status }) => revertOf === original && (status === 'executed' || !over.includes(status)),
    );
    const { action, size } = original;
    const behalf = this.principal(by).actsFor;
    if (others.length > 0 || this.isStopped({ by, behalf, action }) || cut) return false;
    this.proposals.push({ by, behalf, action, size, ...this.unplanned(), after: null, revertOf: original });
    return true;
  }

  /** What it would do now. Another plan than before voids all reviews, also where it comes back to one that it once had; null where there is nothing to take back any more. */
  private simulate(proposal: Proposal): void {
    const plan = this.planOf(proposal);
    if (plan === null) {
      proposal.status = 'invalid';
      return;
    }
    if (proposal.plan !== null && keyOf(proposal.plan) !== keyOf(plan)) proposal.reviews = [];
    Object.assign(proposal, { plan, seen: this.fillings, status: 'awaiting_approval' });
    this.settle(proposal);
  }

  private planOf(proposal: Proposal): Effect | null {
    const taken = proposal.revertOf?.plan ?? null;
    const code = `${this.proposals.indexOf(proposal)}-${proposal.revision}`;
    if (taken === null) return refills.includes(proposal.action) ? { from: this.box, to: code } : { slot: code, made: true };
    if ('slot' in taken) return { slot: taken.slot, made: !taken.made };
    return this.box === taken.to ? { from: taken.to, to: taken.from } : null;
  }

  /** Whether the box has been filled since, if only with the same. */
  private isStale({ plan, seen }: Proposal): boolean {
    return plan !== null && 'from' in plan && seen !== this.fillings;
  }

  private refusal({ plan, revision }: Proposal): string {
    return `${this.set}/${revision}/${plan === null ? '' : keyOf(plan)}`;
  }

  /** What the engine does next of itself. */
  private step({ of, how }: Extract<Command, { do: 'step' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined || over.includes(proposal.status)) return false;
    if (how === 'cut early') return false;
    const before = proposal.status;
    for (let times = how === 'twice' ? 2 : 1; times > 0; times--) {
      if (proposal.status === 'simulating' && !this.isOver(proposal)) this.simulate(proposal);
      else if (before === 'approved' || before === 'scheduled') this.execute(proposal, how === 'cut late');
      else this.settle(proposal);
    }
    return proposal.status !== before;
  }

  private settle(proposal: Proposal): void {
    if (this.isOver(proposal)) proposal.status = 'expired';
    if (proposal.status !== 'awaiting_approval') return;
    const { rejected, met } = this.quorum(proposal);
    if (rejected) proposal.status = 'rejected';
    else if (met === this.stages(proposal).length && !proposal.refusedBy.has(this.refusal(proposal))) proposal.status = 'approved';
  }

  private execute(proposal: Proposal, cut: boolean): void {
    if (this.isOver(proposal) || !['approved', 'scheduled'].includes(proposal.status)) {
      this.settle(proposal);
      return;
    }
    const { rejected, met } = this.quorum(proposal);
    if (rejected || met < this.stages(proposal).length) {
      proposal.status = 'awaiting_approval';
      return;
    }
    if (this.isStopped(proposal) || this.isHeld(proposal)) {
      proposal.status = 'scheduled';
      return;
    }
    const { roles } = this.principal(proposal.by);
    const facts = { approvals: this.approvals(proposal), size: proposal.size, proposerRoles: roles };
    if (policySets[this.set]?.execution?.(facts)) {
      proposal.refusedBy.add(this.refusal(proposal));
      proposal.status = 'awaiting_approval';
      return;
    }
    if (this.isStale(proposal)) proposal.status = 'simulating';
    else if (!cut) this.apply(proposal);
  }

  private apply(proposal: Proposal): void {
    const { plan } = proposal;
    if (plan === null) throw new Error('what has no plan is not executed');
    proposal.status = 'executed';
    if ('slot' in plan) this.slots[plan.made ? 'add' : 'delete'](plan.slot);
    else {
      this.box = plan.to;
      this.fillings++;
    }
  }

  private review({ of, by, decision, claims, former, cut }: Extract<Command, { do: 'review' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined) return false;
    const before = proposal.status;
    if (before === 'awaiting_approval') this.settle(proposal);
    if (proposal.status !== before) {
      if (cut) proposal.status = before;
      return false;
    }
    const mayReview =
      people.some((person) => person === by) &&
      this.isMember(by, claims) &&
      !this.isBehind(proposal, by) &&
      proposal.status === 'awaiting_approval' &&
      !former &&
      this.isAsked(proposal, by, decision, claims);
    if (!mayReview || policySets[this.set]?.review?.({ reviewer: by, decision }) || cut) return false;
    if (decision === 'request_changes' && proposal.revertOf !== null) return false;
    if (decision === 'approve' && this.isStale(proposal)) {
      proposal.status = 'simulating';
      return false;
    }
    proposal.reviews.push({ by, decision, at: this.now });
    proposal.refusedBy.clear();
    if (decision === 'request_changes') proposal.status = 'changes_requested';
    else {
      const claimed = this.principal(by).roles;
      this.principal(by).roles = claimed.filter((role) => claims.includes(role));
      this.settle(proposal);
      this.principal(by).roles = claimed;
    }
    return true;
  }

  /** The open stage asks; so do those before it, of who takes an earlier decision back, and all of them where policies ask for more than the stages. */
  private isAsked(proposal: Proposal, by: string, decision: Decision, claims: readonly string[]): boolean {
    const { roles, person } = this.principal(by);
    const earlier = this.newest(proposal).find((review) => this.principal(review.by).person === person);
    const { met } = this.quorum(proposal);
    const stages = this.stages(proposal);
    const from = earlier || proposal.refusedBy.has(this.refusal(proposal)) ? 0 : met;
    const asking = stages.slice(from, met + 1).flatMap(({ thresholds }) => thresholds);
    return earlier?.decision !== decision && asking.some(({ role }) => roles.includes(role) && claims.includes(role));
  }

  private revise({ of, by, size, cut }: Extract<Command, { do: 'revise' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal?.status !== 'changes_requested' || !this.isMember(by) || (by !== proposal.by && by !== proposal.behalf)) return false;
    if (policySets[this.set]?.proposal?.({ proposer: by })) return false;
    if (this.isOver(proposal)) {
      if (!cut) proposal.status = 'expired';
      return false;
    }
    if (this.isStopped(proposal) || cut) return false;
    Object.assign(proposal, {
      size,
      revision: proposal.revision + 1,
      status: 'simulating',
      expires: this.now + expiresAfter,
      reviews: [],
      plan: null,
    });
    return true;
  }

  private withdraw({ of, by, cut }: Extract<Command, { do: 'withdraw' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined || over.includes(proposal.status)) return false;
    if (!this.isMember(by) || (by !== proposal.by && by !== proposal.behalf) || cut) return false;
    const late = this.isOver(proposal);
    proposal.status = late ? 'expired' : 'withdrawn';
    return !late;
  }

  private link(who: string, others: readonly string[]): boolean {
    const person = this.persons++;
    for (const id of [who, ...others]) this.principal(id).person = person;
    return true;
  }

  private isOver({ status, expires }: Proposal): boolean {
    return !over.includes(status) && this.now >= expires;
  }

  private stages({ action, size }: Proposal): readonly Stage[] {
    const rule = approvalRules[action];
    if (rule?.aloneUpTo !== undefined && size <= rule.aloneUpTo) return [];
    return (rule?.stages ?? []).filter(({ above = 0 }) => size > above);
  }

  /** Of each person the newest that has not lapsed. */
  private newest({ action, reviews }: Proposal): Review[] {
    const newest = new Map(reviews.map((review) => [this.principal(review.by).person, review]));
    const last = approvalRules[action]?.approvalsLast ?? Number.POSITIVE_INFINITY;
    return [...newest.values()].filter(({ decision, at }) => decision !== 'approve' || this.now < at + last);
  }

  private votes(proposal: Proposal): Vote[] {
    return this.newest(proposal).flatMap(({ by, decision }) => {
      const { roles, teams, disabled, person } = this.principal(by);
      return disabled || this.isBehind(proposal, by) ? [] : [{ person: String(person), approves: decision === 'approve', roles, teams }];
    });
  }

  private quorum(proposal: Proposal): Standing {
    return standingOf(this.stages(proposal), this.votes(proposal), approvalRules[proposal.action]?.shared ?? false);
  }

  private approvals(proposal: Proposal): number {
    const asked = this.stages(proposal).flatMap(({ thresholds }) => thresholds.map(({ role }) => role));
    return this.votes(proposal).filter(({ approves, roles }) => approves && roles.some((role) => asked.includes(role))).length;
  }

  /** The proposer's side: linked identities and whomever any of them acts for; and whoever acts for one of all these. Both over any number of hops. */
  private isBehind(proposal: Proposal, who: string): boolean {
    const side = new Set<number>();
    const add = (id: string | null) => {
      if (id === null || side.has(this.principal(id).person)) return;
      side.add(this.principal(id).person);
      for (const other of this.directory.values()) if (other.person === this.principal(id).person) add(other.actsFor);
    };
    add(proposal.by);
    add(proposal.behalf);
    for (let known = -1; known < side.size; ) {
      known = side.size;
      for (const { actsFor, person } of this.directory.values())
        if (actsFor !== null && side.has(this.principal(actsFor).person)) side.add(person);
    }
    return side.has(this.principal(who).person);
  }

  private isStopped({ by, behalf, action }: { by: string; behalf: string | null; action: string }): boolean {
    const sides = [by, ...(behalf === null ? [] : [behalf])];
    if (sides.some((id) => this.principal(id).disabled)) return true;
    const persons = sides.map((id) => this.principal(id).person);
    const same = [...this.directory].filter(([, { person }]) => persons.includes(person)).map(([id]) => `principal/${id}`);
    const agents = by === 'bot' ? ['agent/all', 'agent/bot'] : [];
    return ['tenant/all', `actionType/${action}`, ...agents, ...same].some((name) => this.off.has(name));
  }

  private isHeld({ action, after }: Proposal): boolean {
    if (after !== null && this.now < after) return true;
    return this.windows.some(({ action: of, from, until }) => (of === null || of === action) && this.now >= from && this.now < until);
  }
}

function keyOf(plan: Effect): string {
  return JSON.stringify(plan);
}
