import { principals } from './commands.ts';
import type { Principal, Proposal } from './model-proposal.ts';
import { approvalRules } from './rules.ts';

export const startingStanding: Readonly<Record<string, { roles: readonly string[]; teams: readonly string[] }>> = {
  ann: { roles: ['keeper', 'officer', 'operator'], teams: ['red'] },
  ben: { roles: ['keeper', 'ontology-admin'], teams: ['red', 'blue'] },
  cleo: { roles: ['keeper', 'officer', 'access-admin'], teams: ['blue'] },
  dora: { roles: ['officer', 'operator', 'ontology-admin'], teams: ['green'] },
  eve: { roles: ['keeper', 'access-admin'], teams: ['red'] },
  bot: { roles: ['agent'], teams: [] },
};

/** Who is there, as whom, and on whose side. */
export class Directory {
  protected persons = 0;
  protected readonly directory = new Map(
    principals.map((id): [string, Principal] => [id, { ...this.standing(id), disabled: false, actsFor: null, person: this.persons++ }]),
  );

  protected standing(id: string) {
    return startingStanding[id] ?? { roles: [], teams: [] };
  }

  protected principal(id: string): Principal {
    const principal = this.directory.get(id);
    if (principal === undefined) throw new Error(`nobody is ${id}`);
    return principal;
  }

  /** A person is disabled under all identities or under none. */
  protected isDisabled(id: string): boolean {
    return [...this.directory.values()].some(({ person, disabled }) => disabled && person === this.principal(id).person);
  }

  protected isMember(id: string, claims?: readonly string[]): boolean {
    const { roles } = this.principal(id);
    return !this.isDisabled(id) && roles.some((role) => claims === undefined || claims.includes(role));
  }

  /** Whether the action type admits this principal, who has a role at all. */
  protected mayPropose(id: string, action: string): boolean {
    const role = approvalRules[action]?.proposers;
    return this.isMember(id) && (role === undefined || id === 'bot' || this.principal(id).roles.includes(role));
  }

  protected link(who: string, others: readonly string[]): boolean {
    const person = this.persons++;
    for (const id of [who, ...others]) this.principal(id).person = person;
    return true;
  }

  /** Also whoever is to be a delegate by it, or is stopped by the switch that it is about. */
  protected isBehind({ by, behalf, setting }: Proposal, who: string): boolean {
    const named = setting !== null && 'on' in setting ? /^(?:principal|agent)\/(.*)$/.exec(setting.on)?.[1] : undefined;
    const stopped = named === 'all' ? 'bot' : named; // The one agent there is.
    return this.isOnSideOf([by, behalf, setting !== null && 'grant' in setting ? setting.grant.to : null, stopped ?? null], who);
  }

  /** These and whomever they act for, over any number of hops. */
  protected actingFor(ids: readonly (string | null)[]): string[] {
    const chain = new Set<string>();
    const add = (id: string | null) => {
      if (id === null || chain.has(id)) return;
      chain.add(id);
      add(this.principal(id).actsFor);
    };
    for (const id of ids) add(id);
    return [...chain];
  }

  /** A side: linked identities and whomever any of them acts for; and whoever acts for one of all these. Both over any number of hops. */
  protected isOnSideOf(ids: readonly (string | null)[], who: string): boolean {
    const side = new Set<number>();
    const add = (id: string | null) => {
      if (id === null || side.has(this.principal(id).person)) return;
      side.add(this.principal(id).person);
      for (const other of this.directory.values()) if (other.person === this.principal(id).person) add(other.actsFor);
    };
    for (const id of ids) add(id);
    for (let known = -1; known < side.size; ) {
      known = side.size;
      for (const { actsFor, person } of this.directory.values())
        if (actsFor !== null && side.has(this.principal(actsFor).person)) side.add(person);
    }
    return side.has(this.principal(who).person);
  }
}
