/** The product as a generated sequence meets it: its store functions, as the logins that call them, on a tenant of its own. */
import { randomUUID } from 'node:crypto';
import type { Caller } from '../../../ontology/authority.ts';
import type { PrincipalChange } from '../../../ontology/standing-loosens.ts';
import { cedar } from '../../../policy/cedar.ts';
import { decide } from '../../../policy/decide.ts';
import { breakGlass } from '../../../store/break-glass.ts';
import { setFreezeWindow } from '../../../store/change-freeze-window.ts';
import { createProposal } from '../../../store/create-proposal.ts';
import { createRevert } from '../../../store/create-revert.ts';
import { executeProposal } from '../../../store/execute-proposal.ts';
import { OntologyCache } from '../../../store/load-ontology.ts';
import { PolicySets } from '../../../store/policy-sets.ts';
import { putDelegation } from '../../../store/put-delegation.ts';
import { putOntology } from '../../../store/put-ontology.ts';
import { activatePolicies, putPolicies } from '../../../store/put-policies.ts';
import { putPrincipal } from '../../../store/put-principal.ts';
import { putSwitch } from '../../../store/put-switch.ts';
import { recordReview } from '../../../store/record-review.ts';
import { isRefusal, type Refusal } from '../../../store/refusal.ts';
import { reviewEmergency } from '../../../store/review-emergency.ts';
import { reviseProposal } from '../../../store/revise-proposal.ts';
import { revokeDelegation } from '../../../store/revoke-delegation.ts';
import { simulateProposal } from '../../../store/simulate-proposal.ts';
import { type PrismaTx, withTenantPrisma } from '../../../store/sql.ts';
import { resolveActor } from '../../../store/standing.ts';
import type { StoreDeps } from '../../../store/store-deps.ts';
import type { SwitchScope } from '../../../store/switches.ts';
import { withdrawProposal } from '../../../store/withdraw-proposal.ts';
import { type Command, type Governing, type Grant, roles } from './commands.ts';
import { startingStanding } from './directory.ts';
import { runStep } from './engine-step.ts';
import { cutOff, killIn } from './interrupt.ts';
import type { Offices } from './offices.ts';
import { document, policySets, refills } from './rules.ts';

const minute = 60_000;
const kindOf = (id: string): Caller['kind'] => (id === 'bot' ? 'agent' : 'user');
const caller = (id: string, roles: readonly string[]): Caller => ({
  id,
  kind: kindOf(id),
  roles: [...roles],
  tokenIssuedAt: '2026-01-01T00:00:00.000Z',
});
const tokenOf = (id: string) => caller(id, id === 'bot' ? ['agent'] : roles);
// Nobody of whom a sequence speaks.
const administrator = caller('access-admin', ['access-admin']);
const ontologist = caller('ontologist-1', ['ontology-admin']);
const operator = caller('operator-1', ['operator']);
const seconds = {
  switches: caller('operator-2', ['operator']),
  policies: caller('ontologist-2', ['ontology-admin']),
  delegations: administrator,
};

class CutOff extends Error {}

interface Row {
  id: string;
  status: string;
  revision: number;
  digest: string | null;
}

export class Office {
  readonly refusals: Record<string, number> = {};
  lastRefused = '';
  private rows: Row[] = [];
  private readonly ids: string[] = [];
  private readonly actions: string[] = [];
  private readonly deps: StoreDeps = { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) };
  private windows = 0;
  private grants: string[] = [];
  /** Proposals of which a sequence does not speak: what is done all at once. */
  private readonly others: string[] = [];

  private readonly all: Offices;
  private readonly tenant: string;

  private constructor(all: Offices, tenant: string) {
    this.all = all;
    this.tenant = tenant;
  }

  static async open(all: Offices): Promise<Office> {
    const office = new Office(all, await all.database.createTenant());
    await office.once(false, (tx) => putOntology(tx, document(), ontologist, office.deps));
    for (const who of [operator, administrator, ontologist, ...Object.values(seconds)]) await office.inApi((tx) => resolveActor(tx, who));
    for (const [id, { roles, teams }] of Object.entries(startingStanding)) {
      await office.amend(id, { kind: kindOf(id), roles, teams, actsFor: null });
    }
    await office.makeBox();
    return office;
  }

  /** What became of the proposals, in the order in which they were made. */
  get statuses(): string[] {
    return this.rows.map(({ status, revision }) => `${status} ${revision}`);
  }

  /** The slots that there are, and what the box holds. */
  async made(): Promise<string[]> {
    const rows = await this.inApi((tx) =>
      tx.rows<{ words: string }>(
        `SELECT coalesce('box of ' || (o.properties ->> 'holds'), o.id) AS words FROM exequatur.object o WHERE o.alive`,
      ),
    );
    return rows.map(({ words }) => words).sort();
  }

  /** Before the sequence begins, and none of the proposals that it speaks of. */
  private async makeBox(): Promise<void> {
    const request = {
      actionType: 'makeBox',
      parameters: {},
      justification: 'because',
      idempotencyKey: randomUUID(),
      proposer: tokenOf('ann'),
    };
    const outcome = await this.inApi((tx) => createProposal(tx, request, this.deps));
    if (isRefusal(outcome)) throw new Error(outcome.refused);
    await this.enact(outcome.proposalId, null);
  }

  /** The whole life of a proposal, with the approval of one other person where it is asked for. */
  private async enact(proposalId: string, second: Caller | null): Promise<void> {
    this.others.push(proposalId);
    const { worker } = this.all;
    const simulated = await simulateProposal(worker, this.tenant, proposalId, this.deps);
    if (simulated?.status === 'awaiting_approval' && second !== null) {
      const review = { proposalId, digest: simulated.digest ?? '', decision: 'approve' as const, reviewer: second };
      const recorded = await this.inApi((tx) => recordReview(tx, review, this.deps));
      if (isRefusal(recorded)) throw new Error(recorded.refused);
    }
    const executed = await executeProposal(worker, this.tenant, proposalId, this.deps);
    if (executed?.status !== 'executed') throw new Error(`what nobody objects to is ${executed?.status}`);
  }

  /** @returns whether it was done. */
  async play(command: Command): Promise<boolean> {
    const before = this.rows;
    const done = await this.attempt(command);
    const rows = await this.inApi((tx) =>
      tx.rows<Row>('SELECT p.id, p.status, p.revision, p.plan_digest AS digest FROM exequatur.proposal p WHERE p.id <> ALL ($1::uuid[])', [
        this.others,
      ]),
    );
    const granted = await this.inApi((tx) =>
      tx.rows<{ id: string }>('SELECT d.id FROM exequatur.delegation d ORDER BY d.granted_at, d.id'),
    );
    this.grants = granted.map(({ id }) => id);
    this.rows = this.ids.map((id) => rows.find((row) => row.id === id) as Row);
    if (rows.length !== this.ids.length) throw new Error('there is a proposal that nobody was told of');
    return command.do === 'step' ? this.rows[command.of]?.status !== before[command.of]?.status : done;
  }

  private async attempt(command: Command): Promise<boolean> {
    switch (command.do) {
      case 'propose':
        return this.propose(command);
      case 'step':
        return this.step(command);
      case 'review': {
        const digest = command.former ? '0'.repeat(64) : (this.rows[command.of]?.digest ?? '');
        const whose = command.behalf ? { onBehalfOf: command.behalf } : {};
        const review = { decision: command.decision, digest, reviewer: caller(command.by, command.claims), reason: 'because', ...whose };
        return this.of(command, (tx, proposalId) => recordReview(tx, { ...review, proposalId }, this.deps));
      }
      case 'revise': {
        const code = this.codeOf(command.of, (this.rows[command.of]?.revision ?? 0) + 1);
        const parameters = { code, size: command.size, ...this.boxOf(this.actions[command.of]) };
        return this.of(command, (tx, proposalId) => reviseProposal(tx, { proposalId, parameters, by: tokenOf(command.by) }, this.deps));
      }
      case 'revert':
        return this.revert(command);
      case 'withdraw':
        return this.of(command, (tx, proposalId) => withdrawProposal(tx, { proposalId, by: tokenOf(command.by) }, this.deps));
      case 'roles':
        return this.amend(command.who, { roles: command.roles });
      case 'teams':
        return this.amend(command.who, { teams: command.teams });
      case 'disable':
        return this.amend(command.who, { disabled: command.disabled });
      case 'link':
        return this.amend(command.who, { linkedIdentities: command.others });
      case 'actFor':
        return this.amend(command.who, { actsFor: command.whom });
      case 'switch':
        return this.throwSwitch(command);
      case 'govern':
        return this.govern(command);
      case 'grant':
        return this.grant(command.by, command.what);
      case 'revoke': {
        const id = this.grants[command.nth];
        return id === undefined ? false : this.done(command, (tx) => revokeDelegation(tx, { id, by: tokenOf(command.by) }, this.deps));
      }
      case 'breakGlass': {
        const emergency = { digest: this.rows[command.of]?.digest ?? '', reason: 'because', by: tokenOf(command.by) };
        return this.of(command, (tx, proposalId) => breakGlass(tx, { ...emergency, proposalId }, this.deps));
      }
      case 'lookBack': {
        const review = { verdict: 'justified' as const, comment: 'so', by: tokenOf(command.by) };
        return this.of(command, (tx, proposalId) => reviewEmergency(tx, { ...review, proposalId }, this.deps));
      }
      case 'freeze':
        return this.freeze(command);
      case 'enforce':
        return this.enforce(command.set);
      case 'wait':
        await this.all.database.advanceClock(command.minutes * minute);
        return true;
    }
  }

  private inApi<T>(work: (tx: PrismaTx) => Promise<T>): Promise<T> {
    return withTenantPrisma(this.all.api, this.tenant, work);
  }

  /** In one transaction of the API, which does not come to its commit where it is cut. Where its answer is lost it is asked once more, which changes nothing. */
  private async done(
    { cut, again = false }: { cut: boolean; again?: boolean },
    work: (tx: PrismaTx) => Promise<object | Refusal>,
  ): Promise<boolean> {
    const done = await this.once(cut, work);
    if (done && again) await this.once(false, work);
    return done;
  }

  private async once(cut: boolean, work: (tx: PrismaTx) => Promise<object | Refusal>): Promise<boolean> {
    try {
      const outcome = await this.inApi(async (tx) => {
        const answer = await work(tx);
        if (cut) throw new CutOff();
        return answer;
      });
      if (isRefusal(outcome)) {
        this.refusals[outcome.refused] = (this.refusals[outcome.refused] ?? 0) + 1;
        this.lastRefused = outcome.refused;
      }
      return !isRefusal(outcome);
    } catch (error) {
      if (error instanceof CutOff) return false;
      throw error;
    }
  }

  private async of(
    { of, ...fate }: { of: number; cut: boolean; again?: boolean },
    work: (tx: PrismaTx, proposalId: string) => Promise<object | Refusal>,
  ) {
    const id = this.ids[of];
    return id === undefined ? false : this.done(fate, (tx) => work(tx, id));
  }

  /** Remembers what was proposed, by the order in which it was. */
  private keep(proposalId: string, action: string): void {
    this.ids.push(proposalId);
    this.actions.push(action);
  }

  private codeOf(proposal: number, revision: number): string {
    return `${proposal}-${revision}`;
  }

  private async propose({ by, action, size, after, ...fate }: Extract<Command, { do: 'propose' }>): Promise<boolean> {
    const now = await this.now();
    const request = {
      ...{ actionType: action, justification: 'because', idempotencyKey: randomUUID(), proposer: tokenOf(by) },
      parameters: { code: this.codeOf(this.ids.length, 1), size, ...this.boxOf(action) },
      ...(after === null ? {} : { executeAfter: new Date(now + after * minute).toISOString() }),
    };
    let proposalId = '';
    const done = await this.done(fate, async (tx) => {
      const outcome = await createProposal(tx, request, this.deps);
      if (!isRefusal(outcome)) proposalId = outcome.proposalId;
      return outcome;
    });
    if (done) this.keep(proposalId, action);
    return done;
  }

  private boxOf(action: string | undefined) {
    return refills.some((one) => one === action) ? { box: 'box' } : {};
  }

  private async revert({ of, by, ...fate }: Extract<Command, { do: 'revert' }>): Promise<boolean> {
    let proposalId = '';
    const idempotencyKey = randomUUID();
    const done = await this.of({ of, ...fate }, async (tx, original) => {
      const request = { proposalId: original, justification: 'because', idempotencyKey, proposer: tokenOf(by) };
      const outcome = await createRevert(tx, request, this.deps);
      if (!isRefusal(outcome)) proposalId = outcome.proposalId;
      return outcome;
    });
    if (done) this.keep(proposalId, this.actions[of] ?? '');
    return done;
  }

  private async step({ of, how }: Extract<Command, { do: 'step' }>): Promise<boolean> {
    const row = this.rows[of];
    if (row === undefined) return false;
    const step = { tenant: this.tenant, proposalId: row.id, status: row.status };
    const run = () => runStep(this.all.worker, step, this.deps);
    const lock = how.endsWith('early')
      ? `SELECT FROM exequatur.proposal WHERE id = '${row.id}' FOR UPDATE`
      : 'LOCK TABLE exequatur.execution IN SHARE MODE';
    if (how.startsWith('killed')) await killIn(this.all.superuser, lock, await this.all.engine.begin(step));
    else if (how.startsWith('cut')) await cutOff(this.all.superuser, lock, run);
    else await Promise.all(how === 'twice' ? [run(), run()] : [run()]);
    return true;
  }

  private amend(id: string, change: PrincipalChange): Promise<boolean> {
    return this.done({ cut: false }, (tx) => putPrincipal(tx, { id, change, by: administrator }, this.deps));
  }

  private async throwSwitch({ scope, name, on, cut }: Extract<Command, { do: 'switch' }>): Promise<boolean> {
    const change = { scope, name, state: on ? ('on' as const) : ('off' as const), reason: 'because', by: operator };
    if (!on) await this.done({ cut }, (tx) => putSwitch(tx, change, this.deps));
    else if (!cut) {
      const outcome = await this.inApi((tx) => putSwitch(tx, change, this.deps));
      if (!isRefusal(outcome) && outcome.proposed !== null) await this.enact(outcome.proposed.proposalId, seconds.switches);
    }
    return !cut;
  }

  /** Proposes a change of what governs, which lives as other proposals do. */
  private async govern({ by, what, ...fate }: Extract<Command, { do: 'govern' }>): Promise<boolean> {
    let proposed: string | null = null;
    const id = `d${this.ids.length}-${this.grants.length}`;
    const now = await this.now();
    const done = await this.done(fate, async (tx) => {
      const outcome = await this.proposeSetting(tx, what, { by: tokenOf(by), id, now });
      if (!isRefusal(outcome)) proposed = outcome.proposalId;
      return outcome;
    });
    if (done && proposed !== null && !this.ids.includes(proposed)) this.keep(proposed, '');
    return done;
  }

  private async proposeSetting(
    tx: PrismaTx,
    what: Governing,
    { by, id, now }: { by: Caller; id: string; now: number },
  ): Promise<{ proposalId: string | null } | Refusal> {
    if ('policies' in what) return this.proposePolicies(tx, what.policies, by);
    const outcome =
      'grant' in what
        ? await putDelegation(tx, { ...wishOf(what.grant, now), id, by }, this.deps)
        : await putSwitch(tx, { ...switchNamed(what.on), state: 'on', reason: 'because', by }, this.deps);
    return isRefusal(outcome) ? outcome : { proposalId: outcome.proposed?.proposalId ?? null };
  }

  private async proposePolicies(tx: PrismaTx, set: number, by: Caller): Promise<{ proposalId: string | null } | Refusal> {
    const policies = { ...policySets[set]?.cedar };
    return set === 0 ? activatePolicies(tx, 0, by, this.deps) : putPolicies(tx, { policies, cases: [] }, by, this.deps);
  }

  private async grant(delegator: string, what: Grant): Promise<boolean> {
    const now = await this.now();
    const id = `g${this.ids.length}-${this.grants.length}`;
    const by = tokenOf(delegator);
    const outcome = await this.inApi((tx) => putDelegation(tx, { ...wishOf(what, now), id, by }, this.deps));
    if (isRefusal(outcome) || outcome.proposed === null) return false;
    await this.enact(outcome.proposed.proposalId, seconds.delegations);
    return true;
  }

  private async freeze({ action, from, minutes }: Extract<Command, { do: 'freeze' }>): Promise<boolean> {
    const begin = (await this.now()) + from * minute;
    const once = { from: new Date(begin).toISOString(), until: new Date(begin + minutes * minute).toISOString() };
    const window = { name: `window-${++this.windows}`, reason: 'because', once, by: operator };
    return this.done({ cut: false }, (tx) =>
      setFreezeWindow(tx, { ...window, ...(action === null ? {} : { actionType: action }) }, this.deps),
    );
  }

  private async enforce(set: number): Promise<boolean> {
    const outcome = await this.inApi((tx) => this.proposePolicies(tx, set, ontologist));
    if (isRefusal(outcome)) throw new Error(outcome.refused);
    if (outcome.proposalId !== null) await this.enact(outcome.proposalId, seconds.policies);
    return true;
  }

  private async now(): Promise<number> {
    const [row] = await this.inApi((tx) => tx.rows<{ now: Date }>('SELECT exequatur.clock() AS now'));
    return row?.now.getTime() ?? 0;
  }
}

function wishOf({ to, role, action, from, until }: Grant, now: number) {
  const at = (minutes: number) => new Date(now + minutes * minute).toISOString();
  return {
    ...{ delegate: to, endsAt: at(until), reason: 'because' },
    ...(role === null ? {} : { roles: [role] }),
    ...(action === null ? {} : { actionTypes: [action] }),
    ...(from === null ? {} : { startsAt: at(from) }),
  };
}

function switchNamed(text: string): { scope: SwitchScope; name: string } {
  const [scope = '', name = ''] = text.split('/');
  return { scope: scope as SwitchScope, name };
}
