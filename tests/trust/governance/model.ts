/**
 * What the documents say of governance, kept in memory: small, slow, and sharing nothing with the product. Each command answers whether it is done; time passes only
 * by `wait`. A new way to approve or to execute is one more command here, in `commands.ts` and in `office.ts`.
 */
import { type Command, type Governing, type Grant, people } from './commands.ts';
import { Counting } from './counting.ts';
import {
  actionOf,
  depthOf,
  type Effect,
  firstOf,
  isOpen,
  keyOf,
  over,
  type Proposal,
  planKey,
  type Review,
  type Setting,
} from './model-proposal.ts';
import { expiresAfter, firstFilling, lookedAtBy, refills } from './rules.ts';

export class Model extends Counting {
  readonly proposals: Proposal[] = [];

  /** What is there by what was executed. */
  readonly slots = new Set<string>();

  box = firstFilling;
  protected fillings = 0;

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
        for (const review of this.proposals.flatMap(({ reviews }) => reviews)) this.remember(review);
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

  protected propose({ by, action, size, after, cut }: Extract<Command, { do: 'propose' }>): boolean {
    const behalf = this.principal(by).actsFor;
    const refused = !this.mayPropose(by, action) || this.policies?.proposal?.({ proposer: by }) || this.isStopped({ by, behalf, action });
    if (refused || cut) return false;
    this.proposals.push({
      ...{ by, behalf, action, size, ...this.unplanned() },
      after: after === null ? null : this.now + after,
      revertOf: null,
      setting: null,
    });
    return true;
  }

  protected unplanned() {
    return {
      revision: 1,
      status: 'simulating',
      reviews: [],
      refusedBy: new Set<string>(),
      asked: false,
      plan: null,
      seen: 0,
      expires: this.now + expiresAfter,
      glasses: [],
      approvers: [],
    };
  }

  /** A proposal like the one that it takes back, of somebody else perhaps: asked of the same people, and only its own proposer is barred. */
  protected revert({ of, by, cut }: Extract<Command, { do: 'revert' }>): boolean {
    const original = this.proposals[of];
    if (original?.status !== 'executed' || !this.isMember(by)) return false;
    if (this.isAlone(original) && !this.mayPropose(by, original.action)) return false;
    if (original.setting === null ? this.policies?.proposal?.({ proposer: by }) : !this.mayGovern(original.setting, by)) return false;
    if (original.setting !== null && !('policies' in original.setting)) return false;
    const family = this.proposals.filter((other) => other.revertOf !== null && firstOf(other) === firstOf(original));
    const last = family.filter(({ status }) => status === 'executed').at(-1);
    // What the last of them did is how it is now; so what does not stand is what it did the opposite of.
    const isTakenBack = last !== undefined && depthOf(last) % 2 !== depthOf(original) % 2;
    const { action, size } = original;
    const behalf = this.principal(by).actsFor;
    const { setting } = original;
    if (isTakenBack || family.some(isOpen) || this.isStopped({ by, behalf, action, setting })) return false;
    if ((setting !== null && this.undoing(original) === null) || cut) return false;
    const expires = setting === null ? this.now + expiresAfter : Number.POSITIVE_INFINITY;
    this.proposals.push({
      by,
      behalf,
      action,
      size,
      ...this.unplanned(),
      expires,
      after: null,
      revertOf: original,
      setting,
      asked: original.asked,
    });
    return true;
  }

  /** What it would do now. Another plan than before voids all reviews, also where it comes back to one that it once had; null where there is nothing to take back any more. */
  protected simulate(proposal: Proposal): void {
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

  protected planOf(proposal: Proposal): Effect | null {
    if (proposal.setting !== null) return this.mayGovern(proposal.setting, proposal.by) ? this.settingOf(proposal, proposal.setting) : null;
    const taken = proposal.revertOf?.plan ?? null;
    const code = `${this.proposals.indexOf(proposal)}-${proposal.revision}`;
    if (taken === null) return refills.includes(proposal.action) ? { from: this.box, to: code } : { slot: code, made: true };
    if ('slot' in taken) return { slot: taken.slot, made: !taken.made };
    return 'to' in taken && this.box === taken.to ? { from: taken.to, to: taken.from } : null;
  }

  /** Of a change of what governs, what it would put in force; null where something else came first. */
  protected settingOf({ by, revertOf }: Proposal, setting: Setting): Effect | null {
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
  protected undoing({ plan }: Proposal): Effect | null {
    if (plan === null || !('set' in plan) || this.versions[this.version] !== plan.set) return null;
    return { set: this.versions[plan.base] ?? 0, base: this.version, version: plan.base };
  }

  protected govern({ by, what, cut }: { by: string; what: Governing; cut: boolean }): boolean {
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

  /** All of it at once: proposed, approved by somebody of whom no sequence speaks, and executed. */
  protected grant(by: string, what: Grant): boolean {
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

  protected revoke({ by, nth, cut }: { by: string; nth: number; cut: boolean }): boolean {
    const delegation = this.delegations[nth];
    if (delegation === undefined || by === 'bot' || !this.isMember(by)) return false;
    const { person, roles } = this.principal(by);
    const isOwn = [delegation.delegator, delegation.delegate].some((id) => this.principal(id).person === person);
    if (!(isOwn || roles.includes('access-admin')) || cut) return false;
    delegation.revoked = true;
    return true;
  }

  protected throwSwitch(name: string, on: boolean): void {
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

  /** Whether the box has been filled since, if only with the same. */
  protected isStale({ plan, seen }: Proposal): boolean {
    return plan !== null && 'from' in plan && seen !== this.fillings;
  }

  /** What the engine does next of itself. */
  protected step({ of, how }: Extract<Command, { do: 'step' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined || over.includes(proposal.status)) return false;
    if (how.endsWith('early')) return false;
    const before = proposal.status;
    for (let times = how === 'twice' ? 2 : 1; times > 0; times--) {
      if (before === 'approved' || before === 'scheduled') this.execute(proposal, how.endsWith('late'));
      else if (proposal.status === 'simulating' && !this.isOver(proposal)) this.simulate(proposal);
      else this.settle(proposal);
    }
    return proposal.status !== before;
  }

  /** `unasked`: the policies have not been asked about what there is now. */
  protected settle(proposal: Proposal, unasked = false): void {
    if (this.isOver(proposal)) proposal.status = 'expired';
    if (proposal.status !== 'awaiting_approval') return;
    const { rejected, met } = this.quorum(proposal);
    if (rejected) proposal.status = 'rejected';
    else if (!unasked && proposal.refusedBy.has(this.refusal(proposal))) return;
    else if (met === this.stages(proposal).length || this.isEmergency(proposal)) proposal.status = 'approved';
  }

  protected execute(proposal: Proposal, cut: boolean): void {
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
    if (this.isAlone(proposal) && !this.mayPropose(proposal.by, proposal.action)) {
      Object.assign(proposal, { asked: true, status: 'simulating' });
      return;
    }
    const { roles } = this.principal(proposal.by);
    // Policies take no approval of whom they forbid to give it by now.
    const isTaken = ({ by, behalf, decision }: Review) =>
      decision !== 'approve' || ![by, behalf].some((who) => who !== null && this.policies?.review?.({ reviewer: who, decision }));
    const isShort = this.quorum(proposal, isTaken).met < this.stages(proposal).length && !this.isEmergency(proposal, isTaken);
    const facts = { approvals: this.approvals(proposal, isTaken), size: proposal.size, proposerRoles: roles };
    if (isShort || this.policies?.execution?.(facts)) {
      if (this.isAlone(proposal)) Object.assign(proposal, { asked: true, status: 'simulating' });
      else {
        proposal.refusedBy.add(this.refusal(proposal));
        proposal.status = 'awaiting_approval';
      }
      return;
    }
    if (this.isStale(proposal)) proposal.status = 'simulating';
    else if (!cut) this.apply(proposal);
  }

  protected apply(proposal: Proposal): void {
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

  protected review({ of, by, decision, claims, behalf = null, former, cut }: Extract<Command, { do: 'review' }>): boolean {
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
    if (proposal.setting !== null && !this.mayReview(proposal.setting, this.rolesBy(by, null, claims))) return false;
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
    const review: Review = { by, behalf, delegation: way, decision, at: this.now, roles: [] };
    proposal.reviews.push(review);
    if (decision === 'approve') proposal.approvers.push({ ids: behalf === null ? [by] : [by, behalf], of: planKey(proposal) });
    proposal.refusedBy.clear();
    if (decision === 'request_changes') proposal.status = 'changes_requested';
    else if (behalf !== null) this.settle(proposal);
    else {
      const claimed = this.principal(by).roles;
      this.principal(by).roles = claimed.filter((role) => claims.includes(role));
      this.settle(proposal);
      this.principal(by).roles = claimed;
    }
    this.remember(review);
    return true;
  }

  /** In an emergency: fewer approve than are asked for, and somebody of the role takes it upon them. */
  protected breakGlass({ of, by, cut }: Extract<Command, { do: 'breakGlass' }>): boolean {
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

  /** A person who stands behind neither whoever broke it nor the proposal says once what they think of it. */
  protected lookBack({ of, by, cut }: Extract<Command, { do: 'lookBack' }>): boolean {
    const proposal = this.proposals[of];
    const glass = proposal === undefined ? undefined : this.glassOf(proposal);
    if (proposal?.status !== 'executed' || glass === undefined || glass.lookedAt || this.glassRule(proposal) === undefined) return false;
    const mayLook = people.some((person) => person === by) && this.isMember(by) && this.principal(by).roles.includes(lookedAtBy);
    if (!mayLook || this.hadPartIn(proposal, glass, by) || cut) return false;
    for (const one of proposal.glasses) if (one.of === glass.of) one.lookedAt = true;
    return true;
  }

  protected revise({ of, by, size, cut }: Extract<Command, { do: 'revise' }>): boolean {
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
      asked: false,
    });
    return true;
  }

  protected withdraw({ of, by, cut }: Extract<Command, { do: 'withdraw' }>): boolean {
    const proposal = this.proposals[of];
    if (proposal === undefined || over.includes(proposal.status)) return false;
    if (!this.isMember(by) || (by !== proposal.by && by !== proposal.behalf) || cut) return false;
    const late = this.isOver(proposal);
    proposal.status = late ? 'expired' : 'withdrawn';
    return !late;
  }

  protected isOver({ status, expires }: Proposal): boolean {
    return !over.includes(status) && this.now >= expires;
  }
}
