import { type Governing, type Grant, people } from './commands.ts';
import { Directory } from './directory.ts';
import type { Delegation, Setting } from './model-proposal.ts';
import { policySets } from './rules.ts';

/** What is in force at the time that it is: switches, policies, delegations, and freeze windows. */
export class InForce extends Directory {
  protected now = 0;
  /** Sets of policies by version; the first are the built-in ones. */
  protected readonly versions = [0];
  protected version = 0;

  /** Every switch that was ever thrown, and how often. */
  protected readonly switches = new Map<string, { off: boolean; thrown: number }>();

  protected readonly delegations: Delegation[] = [];
  protected readonly windows: { action: string | null; from: number; until: number }[] = [];

  protected get policies() {
    return policySets[this.versions[this.version] ?? 0];
  }

  protected mayGovern(setting: Setting, by: string): boolean {
    const role = 'on' in setting ? 'operator' : 'policies' in setting ? 'ontology-admin' : null;
    const isPerson = people.some((person) => person === by) && this.isMember(by);
    return isPerson && (role === null || this.principal(by).roles.includes(role));
  }

  /** What governs is reviewed by those with its role alone, also in the place of another who has it. */
  protected mayReview(setting: Setting, roles: readonly string[]): boolean {
    return roles.includes('on' in setting ? 'operator' : 'policies' in setting ? 'ontology-admin' : 'access-admin');
  }

  protected wished(what: Governing): Setting {
    if ('on' in what) return { on: what.on, thrown: this.switches.get(what.on)?.thrown ?? 0 };
    if ('policies' in what) return { policies: what.policies, base: this.version };
    const { from, until } = what.grant;
    return { grant: what.grant, start: from === null ? null : this.now + from, until: this.now + until };
  }

  protected isAsThrown({ on, thrown }: { on: string; thrown: number }): boolean {
    const known = this.switches.get(on);
    return known?.off === true && known.thrown === thrown;
  }

  protected isGrantable(by: string, { grant: { to }, start, until }: Extract<Setting, { grant: Grant }>): boolean {
    const isPerson = people.some((person) => person === to) && !this.isDisabled(to) && !this.isDisabled(by);
    return isPerson && this.principal(to).person !== this.principal(by).person && until > Math.max(start ?? this.now, this.now);
  }

  protected keepDelegation(delegator: string, { to, role, action }: Grant, start: number | null, until: number): void {
    this.delegations.push({ delegator, delegate: to, role, action, from: start ?? this.now, until, revoked: false });
  }

  protected enforce(set: number, version: number | null): void {
    if (this.versions[this.version] === set) return;
    if (version === null && set !== 0) this.versions.push(set);
    this.version = version ?? (set === 0 ? 0 : this.versions.length - 1);
  }

  /** What governs is held by no switch but one on whoever proposed it: what is switched off could else never be switched on. */
  protected isStopped({
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
    const sides = this.actingFor([by, behalf]);
    if (sides.some((id) => this.isDisabled(id))) return true;
    const persons = sides.map((id) => this.principal(id).person);
    const same = [...this.directory].filter(([, { person }]) => persons.includes(person)).map(([id]) => `principal/${id}`);
    const agents = sides.includes('bot') ? ['agent/all', 'agent/bot'] : [];
    const general = setting === null ? ['tenant/all', `actionType/${action}`] : [];
    return [...general, ...agents, ...same].some((name) => this.switches.get(name)?.off === true);
  }
}
