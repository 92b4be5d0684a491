/**
 * What the documents say of governance, kept in memory: small, slow, and sharing nothing with the product. Each command answers whether it is done; time passes only
 * by `wait`. A new way to approve or to execute is one more command here, in `commands.ts` and in `office.ts`.
 */
import type { Command, Decision, Governing, Grant } from './commands.ts';
import { people, principals } from './commands.ts';
import { approvalRules, expiresAfter, firstFilling, type GlassRule, lookedAtBy, policySets, refills, type Stage } from './rules.ts';
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
  /** Given on somebody's behalf, and by which delegation. */
  behalf: string | null;
  delegation: Delegation | null;
  decision: Decision;
  at: number;
}

interface Delegation {
  delegator: string;
  delegate: string;
  role: string | null;
  action: string | null;
  from: number;
  until: number;
  revoked: boolean;
}

/** Of which plan of which revision; it no longer counts once the plan was another in between. */
interface Glass {
  by: string;
  at: number;
  of: string;
  counts: boolean;
  lookedAt: boolean;
}

/** What was proposed to be put in force, and against what. */
type Setting = { on: string; thrown: number } | { policies: number; base: number } | { grant: Grant; start: number | null; until: number };

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
  glasses: Glass[];
  /** Of a change of what governs. */
  setting: Setting | null;
}

/** A slot that is made or goes, another filling of the box, or a setting: a switch, a set of policies that replaces a version, by an earlier version perhaps, or a delegation. */
type Effect =
  | { slot: string; made: boolean }
  | { from: string; to: string }
  | { on: string; thrown: number }
  | { set: number; base: number; version: number | null }
  | { granted: Grant; start: number | null; until: number };

export const startingStanding: Readonly<Record<string, { roles: readonly string[]; teams: readonly string[] }>> = {
  ann: { roles: ['keeper', 'officer', 'operator'], teams: ['red'] },
  ben: { roles: ['keeper', 'ontology-admin'], teams: ['red', 'blue'] },
  cleo: { roles: ['keeper', 'officer', 'access-admin'], teams: ['blue'] },
  dora: { roles: ['officer', 'operator', 'ontology-admin'], teams: ['green'] },
  eve: { roles: ['keeper', 'access-admin'], teams: ['red'] },
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
  private persons = 0;
  /** Sets of policies by version; the first are the built-in ones. */
  private readonly versions = [0];
  private version = 0;
  /** Every switch that was ever thrown, and how often. */
  private readonly switches = new Map<string, { off: boolean; thrown: number }>();
  private readonly delegations: Delegation[] = [];
  private readonly windows: { action: string | null; from: number; until: number }[] = [];
  private readonly directory = new Map(
    principals.map((id): [string, Principal] => [id, { ...this.standing(id), disabled: false, actsFor: null, person: this.persons++ }]),
  );

  /** With a life of its own from here on. */
  copy(): Model {
    return Object.assign(Object.create(Model.prototype), structuredClone({ ...this }));
  }

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
        if (!command.cut) this.throwSwitch(`${command.scope}/${command.name}`, command.on);
        return !command.cut;
      case 'govern':
        return this.govern(command);
      case 'grant':
        return this.grant(command.by, command.what);
      case 'revoke':
        return this.revoke(command);
      case 'breakGlass':
        return this.breakGlass(command);
      case 'lookBack':
        return this.lookBack(command);
      case 'freeze':
        this.windows.push({ action: command.action, from: this.now + command.from, until: this.now + command.from + command.minutes });
        return true;
      case 'enforce':
        this.enforce(command.set, null);
        return true;
      case 'wait':
        this.now += command.minutes;
        return true;
    }
  }

  private get policies() {
    return policySets[this.versions[this.version] ?? 0];
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
    const refused = !this.isMember(by) || this.policies?.proposal?.({ proposer: by }) || this.isStopped({ by, behalf, action });
    if (refused || cut) return false;
    this.proposals.push({
      ...{ by, behalf, action, size, ...this.unplanned() },
      after: after === null ? null : this.now + after,
      revertOf: null,
      setting: null,
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
      glasses: [],
    };
  }

  /** A proposal like the one that it takes back, of somebody else perhaps: asked of the same people, and only its own proposer is barred. */
  private revert({ of, by, cut }: Extract<Command, { do: 'revert' }>): boolean {
    const original = this.proposals[of];
    if (original?.status !== 'executed' || !this.isMember(by)) return false;
    if (original.setting === null ? this.policies?.proposal?.({ proposer: by }) : !this.mayGovern(original.setting, by)) return false;
    if (original.setting !== null && !('policies' in original.setting)) return false;
    const others = this.proposals.filter(
      ({ revertOf, status }) => revertOf === original && (status === 'executed' || !over.includes(status)),
    );
    const { action, size } = original;
    const behalf = this.principal(by).actsFor;
    const { setting } = original;
    if (others.length > 0 || this.isStopped({ by, behalf, action, setting })) return false;
    if ((setting !== null && this.undoing(original) === null) || cut) return false;
    const expires = setting === null ? this.now + expiresAfter : Number.POSITIVE_INFINITY;
    this.proposals.push({ by, behalf, action, size, ...this.unplanned(), expires, after: null, revertOf: original, setting });
    return true;
  }

  /** What it would do now. Another plan than before voids all reviews, also where it comes back to one that it once had; null where there is nothing to take back any more. */
  private simulate(proposal: Proposal): void {
    const plan = this.planOf(proposal);
    if (plan === null) {
      proposal.status = 'invalid';
      return;
    }
    if (proposal.plan !== null && keyOf(proposal.plan) !== keyOf(plan)) {
      proposal.reviews = [];
      for (const glass of proposal.glasses) glass.counts = false;
    }
    Object.assign(proposal, { plan, seen: this.fillings, status: 'awaiting_approval' });
    this.settle(proposal);
  }

  private planOf(proposal: Proposal): Effect | null {
    if (proposal.setting !== null) return this.mayGovern(proposal.setting, proposal.by) ? this.settingOf(proposal, proposal.setting) : null;
    const taken = proposal.revertOf?.plan ?? null;
    const code = `${this.proposals.indexOf(proposal)}-${proposal.revision}`;
    if (taken === null) return refills.includes(proposal.action) ? { from: this.box, to: code } : { slot: code, made: true };
    if ('slot' in taken) return { slot: taken.slot, made: !taken.made };
    return 'to' in taken && this.box === taken.to ? { from: taken.to, to: taken.from } : null;
  }

  /** Of a change of what governs, what it would put in force; null where something else came first. */
  private settingOf({ by, revertOf }: Proposal, setting: Setting): Effect | null {
    if (revertOf !== null) return this.undoing(revertOf);
    if ('on' in setting) return this.isAsThrown(setting) ? { on: setting.on, thrown: setting.thrown } : null;
    if ('policies' in setting) {
      const version = setting.policies === 0 ? 0 : null;
      return setting.base === this.version ? { set: setting.policies, base: setting.base, version } : null;
    }
    const { grant: granted, start, until } = setting;
    return this.isGrantable(by, setting) ? { granted, start, until } : null;
  }

  /** Back to the policies of before, where the very same are in force that were put in force then. */
  private undoing({ plan }: Proposal): Effect | null {
    if (plan === null || !('set' in plan) || this.versions[this.version] !== plan.set) return null;
    return { set: this.versions[plan.base] ?? 0, base: this.version, version: plan.base };
  }

  private isAsThrown({ on, thrown }: { on: string; thrown: number }): boolean {
    const known = this.switches.get(on);
    return known?.off === true && known.thrown === thrown;
  }

  private isGrantable(by: string, { grant: { to }, start, until }: Extract<Setting, { grant: Grant }>): boolean {
    const isPerson = people.some((person) => person === to) && !this.principal(to).disabled && !this.principal(by).disabled;
    return isPerson && this.principal(to).person !== this.principal(by).person && until > Math.max(start ?? this.now, this.now);
  }

  private mayGovern(setting: Setting, by: string): boolean {
    const role = 'on' in setting ? 'operator' : 'policies' in setting ? 'ontology-admin' : null;
    const isPerson = people.some((person) => person === by) && this.isMember(by);
    return isPerson && (role === null || this.principal(by).roles.includes(role));
  }

  private govern({ by, what, cut }: { by: string; what: Governing; cut: boolean }): boolean {
    const setting = this.wished(what);
    if (!this.mayGovern(setting, by)) return false;
    if ('on' in setting) {
      const known = this.switches.get(setting.on);
      if (known === undefined || !known.off) return known !== undefined && !cut;
    } else if ('policies' in setting) {
      if (this.versions[this.version] === setting.policies) return !cut;
    } else if (!this.isGrantable(by, setting)) return false;
    const action = actionOf(setting);
    const same = this.proposals.find(
      (other) => other.by === by && other.revertOf === null && isOpen(other) && JSON.stringify(other.setting) === JSON.stringify(setting),
    );
    if (same !== undefined && !('grant' in setting)) return !cut;
    const behalf = this.principal(by).actsFor;
    if (this.isStopped({ by, behalf, action, setting }) || cut) return false;
    const expires = Number.POSITIVE_INFINITY; // Two weeks, which no sequence lasts.
    this.proposals.push({ by, behalf, action, size: 0, ...this.unplanned(), expires, after: null, revertOf: null, setting });
    return true;
  }

  private wished(what: Governing): Setting {
    if ('on' in what) return { on: what.on, thrown: this.switches.get(what.on)?.thrown ?? 0 };
    if ('policies' in what) return { policies: what.policies, base: this.version };
    const { from, until } = what.grant;
    return { grant: what.grant, start: from === null ? null : this.now + from, until: this.now + until };
  }

  /** All of it at once: proposed, approved by somebody of whom no sequence speaks, and executed. */
  private grant(by: string, what: Grant): boolean {
    const setting = this.wished({ grant: what });
    const behalf = this.principal(by).actsFor;
    const isGranted =
      'grant' in setting &&
      this.mayGovern(setting, by) &&
      this.isGrantable(by, setting) &&
      !this.isStopped({ by, behalf, action: actionOf(setting), setting });
    if (isGranted) this.keepDelegation(by, what, setting.start, setting.until);
    return isGranted;
  }

  private keepDelegation(delegator: string, { to, role, action }: Grant, start: number | null, until: number): void {
    this.delegations.push({ delegator, delegate: to, role, action, from: start ?? this.now, until, revoked: false });
  }

  private revoke({ by, nth, cut }: { by: string; nth: number; cut: boolean }): boolean {
    const delegation = this.delegations[nth];
    if (delegation === undefined || by === 'bot' || !this.isMember(by)) return false;
    const { person, roles } = this.principal(by);
    const isOwn = [delegation.delegator, delegation.delegate].some((id) => this.principal(id).person === person);
    if (!(isOwn || roles.includes('access-admin')) || cut) return false;
    delegation.revoked = true;
    return true;
  }

  private throwSwitch(name: string, on: boolean): void {
    const known = this.switches.get(name);
    if (on) {
      if (known?.off) this.switches.set(name, { off: false, thrown: known.thrown + 1 });
      return;
    }
    // Whoever switches off once more says no to what would let it go on.
    const isToGoOn = this.proposals.some(
      (other) => !over.includes(other.status) && other.setting !== null && 'on' in other.setting && other.setting.on === name,
    );
    if (known?.off !== true || isToGoOn) this.switches.set(name, { off: true, thrown: (known?.thrown ?? 0) + 1 });
  }

  private enforce(set: number, version: number | null): void {
    if (this.versions[this.version] === set) return;
    if (version === null && set !== 0) this.versions.push(set);
    this.version = version ?? (set === 0 ? 0 : this.versions.length - 1);
  }

  /** Whether the box has been filled since, if only with the same. */
  private isStale({ plan, seen }: Proposal): boolean {
    return plan !== null && 'from' in plan && seen !== this.fillings;
  }

  private refusal({ plan, revision }: Proposal): string {
    return `${this.version}/${revision}/${plan === null ? '' : keyOf(plan)}`;
  }

  /** What the engine does next of itself. */
  private step({ of, how }: Extract<Command, { do: 'step' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined || over.includes(proposal.status)) return false;
    if (how.endsWith('early')) return false;
    const before = proposal.status;
    for (let times = how === 'twice' ? 2 : 1; times > 0; times--) {
      if (proposal.status === 'simulating' && !this.isOver(proposal)) this.simulate(proposal);
      else if (before === 'approved' || before === 'scheduled') this.execute(proposal, how.endsWith('late'));
      else this.settle(proposal);
    }
    return proposal.status !== before;
  }

  /** `unasked`: the policies have not been asked about what there is now. */
  private settle(proposal: Proposal, unasked = false): void {
    if (this.isOver(proposal)) proposal.status = 'expired';
    if (proposal.status !== 'awaiting_approval') return;
    const { rejected, met } = this.quorum(proposal);
    if (rejected) proposal.status = 'rejected';
    else if (!unasked && proposal.refusedBy.has(this.refusal(proposal))) return;
    else if (met === this.stages(proposal).length || this.isEmergency(proposal)) proposal.status = 'approved';
  }

  private execute(proposal: Proposal, cut: boolean): void {
    if (this.isOver(proposal) || !['approved', 'scheduled'].includes(proposal.status)) {
      this.settle(proposal);
      return;
    }
    const { rejected, met } = this.quorum(proposal);
    if ((rejected || met < this.stages(proposal).length) && !this.isEmergency(proposal)) {
      proposal.status = 'awaiting_approval';
      return;
    }
    if (this.isStopped(proposal) || this.isHeld(proposal)) {
      proposal.status = 'scheduled';
      return;
    }
    if (proposal.setting !== null) {
      // Planned once more: it is refused where something else came first, or its proposer may no longer ask for it.
      const still = this.planOf(proposal);
      if (still === null || proposal.plan === null || keyOf(still) !== keyOf(proposal.plan)) proposal.status = 'simulating';
      else if (!cut) this.apply(proposal);
      return;
    }
    const { roles } = this.principal(proposal.by);
    const facts = { approvals: this.approvals(proposal), size: proposal.size, proposerRoles: roles };
    if (this.policies?.execution?.(facts)) {
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
    else if ('on' in plan) this.throwSwitch(plan.on, true);
    else if ('set' in plan) this.enforce(plan.set, plan.version);
    else if ('granted' in plan) this.keepDelegation(proposal.by, plan.granted, plan.start, plan.until);
    else {
      this.box = plan.to;
      this.fillings++;
    }
  }

  private review({ of, by, decision, claims, behalf = null, former, cut }: Extract<Command, { do: 'review' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined) return false;
    const before = proposal.status;
    if (before === 'awaiting_approval') this.settle(proposal);
    if (proposal.status !== before) {
      if (cut) proposal.status = before;
      return false;
    }
    const isPerson = people.some((person) => person === by) && this.isMember(by, claims) && !this.isBehind(proposal, by);
    if (!isPerson || proposal.status !== 'awaiting_approval' || former) return false;
    const ways = behalf === null ? [null] : this.delegations.filter((one) => one.delegator === behalf && one.delegate === by);
    const way = ways.find((one) => this.isAsked(proposal, { by, decision, delegation: one }, claims));
    if (way === undefined) return false;
    const forbids = (reviewer: string) => proposal.setting === null && this.policies?.review?.({ reviewer, decision });
    if (forbids(by) || (behalf !== null && forbids(behalf)) || cut) return false;
    if (decision === 'request_changes' && proposal.revertOf !== null) return false;
    if (decision === 'approve' && this.isStale(proposal)) {
      proposal.status = 'simulating';
      return false;
    }
    proposal.reviews.push({ by, behalf, delegation: way, decision, at: this.now });
    proposal.refusedBy.clear();
    if (decision === 'request_changes') proposal.status = 'changes_requested';
    else if (behalf !== null) this.settle(proposal);
    else {
      const claimed = this.principal(by).roles;
      this.principal(by).roles = claimed.filter((role) => claims.includes(role));
      this.settle(proposal);
      this.principal(by).roles = claimed;
    }
    return true;
  }

  /** Without a delegation as oneself, with one in the delegator's place, as far as it goes: then both must be free to review. */
  private rolesBy(by: string, delegation: Delegation | null, claims?: readonly string[]): readonly string[] {
    if (delegation === null) return this.principal(by).roles.filter((role) => claims === undefined || claims.includes(role));
    return this.principal(delegation.delegator).roles.filter((role) => delegation.role === null || delegation.role === role);
  }

  private holds({ action, from, until, revoked }: Delegation, of: Proposal): boolean {
    return !revoked && from <= this.now && this.now < until && (action === null || action === of.action);
  }

  private partiesOf({ by, behalf }: Pick<Review, 'by' | 'behalf'>): number[] {
    return [by, ...(behalf === null ? [] : [behalf])].map((id) => this.principal(id).person);
  }

  /** The open stage asks; so do those before it, of who takes an earlier decision back, and all of them where policies ask for more than the stages. */
  private isAsked(
    proposal: Proposal,
    { by, decision, delegation }: { by: string; decision: Decision; delegation: Delegation | null },
    claims: readonly string[],
  ): boolean {
    const behalf = delegation?.delegator ?? null;
    const roles = this.rolesBy(by, delegation, claims);
    if (delegation !== null && (!this.holds(delegation, proposal) || this.principal(delegation.delegator).disabled || roles.length === 0))
      return false;
    if (behalf !== null && this.isBehind(proposal, behalf)) return false;
    const mine = this.partiesOf({ by, behalf });
    const earlier = this.newest(proposal).filter((review) => this.partiesOf(review).some((person) => mine.includes(person)));
    const { met } = this.quorum(proposal);
    const stages = this.stages(proposal);
    const from = earlier.length > 0 || proposal.refusedBy.has(this.refusal(proposal)) ? 0 : met;
    const asking = stages.slice(from, met + 1).flatMap(({ thresholds }) => thresholds);
    return earlier.every((review) => review.decision !== decision) && asking.some(({ role }) => roles.includes(role));
  }

  /** In an emergency: fewer approve than are asked for, and somebody of the role takes it upon them. */
  private breakGlass({ of, by, cut }: Extract<Command, { do: 'breakGlass' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined) return false;
    if (proposal.status === 'awaiting_approval' && this.isOver(proposal)) {
      if (!cut) proposal.status = 'expired';
      return false;
    }
    const rule = this.glassRule(proposal);
    if (rule === undefined || proposal.plan === null || !this.isMember(by)) return false;
    if (proposal.status !== 'awaiting_approval' && !(proposal.status === 'scheduled' && rule.passesWindows)) return false;
    if (!this.mayBreak(proposal, rule, by) || this.approvalsOfOthers(proposal, by) < rule.approvals) return false;
    if (this.isEmergency(proposal) || cut) return false;
    proposal.glasses.push({ by, at: this.now, of: planKey(proposal), counts: true, lookedAt: false });
    this.settle(proposal, true);
    return true;
  }

  /** A person who neither broke it nor stands behind it says once what they think of it. */
  private lookBack({ of, by, cut }: Extract<Command, { do: 'lookBack' }>): boolean {
    const proposal = this.proposals[of];
    const glass = proposal === undefined ? undefined : this.glassOf(proposal);
    if (proposal?.status !== 'executed' || glass === undefined || glass.lookedAt || this.glassRule(proposal) === undefined) return false;
    const mayLook = people.some((person) => person === by) && this.isMember(by) && this.principal(by).roles.includes(lookedAtBy);
    const isOwn = this.isBehind(proposal, by) || this.principal(by).person === this.principal(glass.by).person;
    if (!mayLook || isOwn || cut) return false;
    for (const one of proposal.glasses) if (one.of === glass.of) one.lookedAt = true;
    return true;
  }

  private glassRule({ action, setting }: Proposal): GlassRule | undefined {
    return setting === null ? approvalRules[action]?.glass : undefined;
  }

  private mayBreak(proposal: Proposal, rule: GlassRule, by: string): boolean {
    const isPerson = people.some((person) => person === by) && !this.principal(by).disabled && this.principal(by).roles.includes(rule.role);
    return isPerson && (rule.byProposer === true || !this.isBehind(proposal, by));
  }

  /** The newest for the plan that it has. */
  private glassOf(proposal: Proposal): Glass | undefined {
    return proposal.glasses.filter((glass) => glass.of === planKey(proposal)).at(-1);
  }

  /** It was broken by somebody who still might, and not too long ago. */
  private isBroken(proposal: Proposal): boolean {
    const rule = this.glassRule(proposal);
    const glass = this.glassOf(proposal);
    const last = approvalRules[proposal.action]?.approvalsLast ?? Number.POSITIVE_INFINITY;
    return rule !== undefined && glass?.counts === true && this.now < glass.at + last && this.mayBreak(proposal, rule, glass.by);
  }

  private isEmergency(proposal: Proposal): boolean {
    const needed = this.glassRule(proposal)?.approvals ?? 0;
    return this.isBroken(proposal) && this.approvalsOfOthers(proposal, this.glassOf(proposal)?.by ?? '') >= needed;
  }

  private approvalsOfOthers(proposal: Proposal, breaker: string): number {
    return this.approving(proposal).filter(({ parties }) => !parties.includes(this.principal(breaker).person)).length;
  }

  private revise({ of, by, size, cut }: Extract<Command, { do: 'revise' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal?.status !== 'changes_requested' || !this.isMember(by) || (by !== proposal.by && by !== proposal.behalf)) return false;
    if (this.policies?.proposal?.({ proposer: by })) return false;
    if (this.isOver(proposal)) {
      if (!cut) proposal.status = 'expired';
      return false;
    }
    if (this.isStopped(proposal) || proposal.setting !== null || cut) return false;
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

  private stages({ action, size, setting, plan }: Proposal): readonly Stage[] {
    if (setting !== null) {
      const role = 'on' in setting ? 'operator' : 'policies' in setting ? 'ontology-admin' : 'access-admin';
      // Any policies tighten the built-in ones; of all others each gives something up.
      const tightens = plan !== null && 'set' in plan && plan.base === 0;
      return tightens ? [] : [{ thresholds: [{ role, needed: 1, toleratedDenials: 0 }] }];
    }
    const rule = approvalRules[action];
    if (rule?.aloneUpTo !== undefined && size <= rule.aloneUpTo) return [];
    return (rule?.stages ?? []).filter(({ above = 0 }) => size > above);
  }

  /** Those in which nobody has a part who has one in a newer one, and of these those that have not lapsed. */
  private newest({ action, reviews }: Proposal): Review[] {
    const last = approvalRules[action]?.approvalsLast ?? Number.POSITIVE_INFINITY;
    const newest = reviews.filter((review, at) => {
      const parties = this.partiesOf(review);
      return !reviews.slice(at + 1).some((newer) => this.partiesOf(newer).some((person) => parties.includes(person)));
    });
    return newest.filter(({ decision, at }) => decision !== 'approve' || this.now < at + last);
  }

  private votes(proposal: Proposal): (Vote & { parties: number[] })[] {
    return this.newest(proposal).flatMap((review) => {
      const { by, behalf, delegation, decision } = review;
      const ids = [by, ...(behalf === null ? [] : [behalf])];
      const isFit = ids.every((id) => !this.principal(id).disabled && !this.isBehind(proposal, id));
      if (!isFit || (delegation !== null && !this.holds(delegation, proposal))) return [];
      const { teams, person } = this.principal(behalf ?? by);
      const roles = this.rolesBy(by, delegation);
      return [{ person: String(person), approves: decision === 'approve', roles, teams, parties: this.partiesOf(review) }];
    });
  }

  private quorum(proposal: Proposal): Standing {
    return standingOf(this.stages(proposal), this.votes(proposal), approvalRules[proposal.action]?.shared ?? false);
  }

  private approving(proposal: Proposal) {
    const asked = this.stages(proposal).flatMap(({ thresholds }) => thresholds.map(({ role }) => role));
    return this.votes(proposal).filter(({ approves, roles }) => approves && roles.some((role) => asked.includes(role)));
  }

  private approvals(proposal: Proposal): number {
    return this.approving(proposal).length;
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

  /** What governs is held by no switch but one on whoever proposed it: what is switched off could else never be switched on. */
  private isStopped({
    by,
    behalf,
    action,
    setting = null,
  }: {
    by: string;
    behalf: string | null;
    action: string;
    setting?: Setting | null;
  }): boolean {
    const sides = [by, ...(behalf === null ? [] : [behalf])];
    if (sides.some((id) => this.principal(id).disabled)) return true;
    const persons = sides.map((id) => this.principal(id).person);
    const same = [...this.directory].filter(([, { person }]) => persons.includes(person)).map(([id]) => `principal/${id}`);
    const agents = by === 'bot' ? ['agent/all', 'agent/bot'] : [];
    const general = setting === null ? ['tenant/all', `actionType/${action}`] : [];
    return [...general, ...agents, ...same].some((name) => this.switches.get(name)?.off === true);
  }

  private isHeld(proposal: Proposal): boolean {
    const { action, after, setting } = proposal;
    if (after !== null && this.now < after) return true;
    if (setting !== null || (this.glassRule(proposal)?.passesWindows && this.isBroken(proposal))) return false;
    return this.windows.some(({ action: of, from, until }) => (of === null || of === action) && this.now >= from && this.now < until);
  }
}

function keyOf(plan: Effect): string {
  return JSON.stringify(plan);
}

function planKey({ revision, plan }: Proposal): string {
  return `${revision}/${plan === null ? '' : keyOf(plan)}`;
}

function actionOf(setting: Setting): string {
  return 'on' in setting ? '$switchOn' : 'policies' in setting ? '$changePolicies' : '$delegate';
}

function isOpen({ status }: Proposal): boolean {
  return !over.includes(status);
}
