/** The product as a generated sequence meets it: its store functions, as the logins that call them, on a tenant of its own. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Caller } from '../../../ontology/authority.ts';
import { cedar } from '../../../policy/cedar.ts';
import { decide } from '../../../policy/decide.ts';
import { setFreezeWindow } from '../../../store/change-freeze-window.ts';
import { openPool } from '../../../store/connect.ts';
import { createProposal } from '../../../store/create-proposal.ts';
import { createRevert } from '../../../store/create-revert.ts';
import { executeProposal } from '../../../store/execute-proposal.ts';
import { OntologyCache } from '../../../store/load-ontology.ts';
import { PolicySets } from '../../../store/policy-sets.ts';
import { putOntology } from '../../../store/put-ontology.ts';
import { type PrincipalChange, putPrincipal } from '../../../store/put-principal.ts';
import { putSwitch } from '../../../store/put-switch.ts';
import { recordReview } from '../../../store/record-review.ts';
import { isRefusal, type Refusal } from '../../../store/refusal.ts';
import { reviseProposal } from '../../../store/revise-proposal.ts';
import { settleProposal } from '../../../store/settle-proposal.ts';
import { simulateProposal } from '../../../store/simulate-proposal.ts';
import { type PrismaTx, withTenantPrisma } from '../../../store/sql.ts';
import { resolveActor } from '../../../store/standing.ts';
import type { StoreDeps } from '../../../store/store-deps.ts';
import { withdrawProposal } from '../../../store/withdraw-proposal.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import type { Command } from './commands.ts';
import { startingStanding } from './model.ts';
import { document, policySets, refills } from './rules.ts';

const minute = 60_000;
const kindOf = (id: string): Caller['kind'] => (id === 'bot' ? 'agent' : 'user');
const caller = (id: string, roles: readonly string[]): Caller => ({
  id,
  kind: kindOf(id),
  roles: [...roles],
  tokenIssuedAt: '2026-01-01T00:00:00.000Z',
});
const tokenOf = (id: string) => caller(id, id === 'bot' ? ['agent'] : ['keeper', 'officer']);
const administrator = caller('access-admin', ['access-admin']);
const ontologist = caller('ontologist', ['ontology-admin']);
const operator = caller('operator-1', ['operator']);

class CutOff extends Error {}

interface Row {
  id: string;
  status: string;
  revision: number;
  digest: string | null;
}

/** One database for all sequences; each opens a tenant in it. */
export class Offices {
  readonly database: TestDatabase;
  readonly api: pg.Pool;
  readonly worker: pg.Pool;
  readonly superuser: pg.Client;

  private constructor(database: TestDatabase) {
    this.database = database;
    this.api = openPool(database.urls.api, { max: 4 });
    this.worker = openPool(database.urls.worker, { max: 4 });
    this.superuser = new pg.Client({ connectionString: database.urls.superuser });
  }

  static async open(): Promise<Offices> {
    const database = await createTestDatabase();
    const offices = new Offices(database);
    await offices.superuser.connect();
    return offices;
  }

  async close(): Promise<void> {
    await Promise.all([this.api.end(), this.worker.end(), this.superuser.end()]);
    await this.database.drop();
  }
}

export class Office {
  readonly refusals: Record<string, number> = {};
  private rows: Row[] = [];
  private readonly ids: string[] = [];
  private readonly actions: string[] = [];
  private readonly deps: StoreDeps = { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) };
  private windows = 0;
  private box = '';

  private readonly all: Offices;
  private readonly tenant: string;

  private constructor(all: Offices, tenant: string) {
    this.all = all;
    this.tenant = tenant;
  }

  static async open(all: Offices): Promise<Office> {
    const office = new Office(all, await all.database.createTenant());
    await office.done(false, (tx) => putOntology(tx, document(), ontologist, office.deps));
    for (const who of [operator, administrator]) await office.inApi((tx) => resolveActor(tx, who));
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
    this.box = outcome.proposalId;
    await simulateProposal(this.all.worker, this.tenant, this.box, this.deps);
    await executeProposal(this.all.worker, this.tenant, this.box, this.deps);
  }

  /** @returns whether it was done. */
  async play(command: Command): Promise<boolean> {
    const before = this.rows;
    const done = await this.attempt(command);
    const rows = await this.inApi((tx) =>
      tx.rows<Row>('SELECT p.id, p.status, p.revision, p.plan_digest AS digest FROM exequatur.proposal p WHERE p.id <> $1::uuid', [
        this.box,
      ]),
    );
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
        const review = { decision: command.decision, digest, reviewer: caller(command.by, command.claims), reason: 'because' };
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

  /** In one transaction of the API, which does not come to its commit where it is cut. */
  private async done(cut: boolean, work: (tx: PrismaTx) => Promise<object | Refusal>): Promise<boolean> {
    try {
      const outcome = await this.inApi(async (tx) => {
        const answer = await work(tx);
        if (cut) throw new CutOff();
        return answer;
      });
      if (isRefusal(outcome)) this.refusals[outcome.refused] = (this.refusals[outcome.refused] ?? 0) + 1;
      return !isRefusal(outcome);
    } catch (error) {
      if (error instanceof CutOff) return false;
      throw error;
    }
  }

  private async of({ of, cut }: { of: number; cut: boolean }, work: (tx: PrismaTx, proposalId: string) => Promise<object | Refusal>) {
    const id = this.ids[of];
    return id === undefined ? false : this.done(cut, (tx) => work(tx, id));
  }

  private codeOf(proposal: number, revision: number): string {
    return `${proposal}-${revision}`;
  }

  private async propose({ by, action, size, after, cut }: Extract<Command, { do: 'propose' }>): Promise<boolean> {
    const now = await this.now();
    const request = {
      ...{ actionType: action, justification: 'because', idempotencyKey: randomUUID(), proposer: tokenOf(by) },
      parameters: { code: this.codeOf(this.ids.length, 1), size, ...this.boxOf(action) },
      ...(after === null ? {} : { executeAfter: new Date(now + after * minute).toISOString() }),
    };
    let proposalId = '';
    const done = await this.done(cut, async (tx) => {
      const outcome = await createProposal(tx, request, this.deps);
      if (!isRefusal(outcome)) proposalId = outcome.proposalId;
      return outcome;
    });
    if (done) this.ids.push(proposalId);
    if (done) this.actions.push(action);
    return done;
  }

  private boxOf(action: string | undefined) {
    return refills.some((one) => one === action) ? { box: 'box' } : {};
  }

  private async revert({ of, by, cut }: Extract<Command, { do: 'revert' }>): Promise<boolean> {
    let proposalId = '';
    const done = await this.of({ of, cut }, async (tx, original) => {
      const request = { proposalId: original, justification: 'because', idempotencyKey: randomUUID(), proposer: tokenOf(by) };
      const outcome = await createRevert(tx, request, this.deps);
      if (!isRefusal(outcome)) proposalId = outcome.proposalId;
      return outcome;
    });
    if (done) this.ids.push(proposalId);
    if (done) this.actions.push(this.actions[of] ?? '');
    return done;
  }

  private async step({ of, how }: Extract<Command, { do: 'step' }>): Promise<boolean> {
    const row = this.rows[of];
    if (row === undefined) return false;
    const { worker } = this.all;
    const run = () => {
      if (row.status === 'simulating') return simulateProposal(worker, this.tenant, row.id, this.deps);
      if (row.status === 'approved' || row.status === 'scheduled') return executeProposal(worker, this.tenant, row.id, this.deps);
      return settleProposal(worker, this.tenant, row.id, this.deps);
    };
    if (how === 'cut early') await this.cutOff(`SELECT FROM exequatur.proposal WHERE id = '${row.id}' FOR UPDATE`, run);
    else if (how === 'cut late') await this.cutOff('LOCK TABLE exequatur.execution IN SHARE MODE', run);
    else await Promise.all(how === 'twice' ? [run(), run()] : [run()]);
    return true;
  }

  /** Runs it into a lock, and ends its connection there. */
  private async cutOff(lock: string, run: () => Promise<unknown>): Promise<void> {
    const { superuser } = this.all;
    await superuser.query(`BEGIN; ${lock}`);
    let isOver = false;
    const running = run().then(
      () => undefined,
      (error: Error) => error,
    );
    void running.finally(() => {
      isOver = true;
    });
    let ended = 0;
    while (!isOver && ended === 0) {
      await superuser.query('SELECT pg_stat_clear_snapshot()'); // Within a transaction the next view would show what it showed before.
      const { rowCount } = await superuser.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      ended = rowCount ?? 0;
      if (ended === 0) await sleep(1);
    }
    await superuser.query('ROLLBACK');
    const error = await running;
    if ((error === undefined) !== (ended === 0)) throw error ?? new Error('a step whose connection ended came to its end');
  }

  private amend(id: string, change: PrincipalChange): Promise<boolean> {
    return this.done(false, (tx) => putPrincipal(tx, { id, change, by: administrator }, this.deps));
  }

  private async throwSwitch({ scope, name, on, cut }: Extract<Command, { do: 'switch' }>): Promise<boolean> {
    if (!on) {
      await this.done(cut, (tx) => putSwitch(tx, { scope, name, state: 'off', reason: 'because', by: operator }, this.deps));
    } else if (!cut) {
      await this.asApproved('UPDATE exequatur.switch SET off = false WHERE tenant_id = $1 AND scope = $2 AND name = $3', [scope, name]);
    }
    return !cut;
  }

  /** What a proposal of its own brings about, which has tests of its own. */
  private async asApproved(sql: string, values: readonly unknown[]): Promise<void> {
    await this.all.superuser.query(sql, [this.tenant, ...values]);
  }

  private async freeze({ action, from, minutes }: Extract<Command, { do: 'freeze' }>): Promise<boolean> {
    const begin = (await this.now()) + from * minute;
    const once = { from: new Date(begin).toISOString(), until: new Date(begin + minutes * minute).toISOString() };
    const window = { name: `window-${++this.windows}`, reason: 'because', once, by: operator };
    return this.done(false, (tx) => setFreezeWindow(tx, { ...window, ...(action === null ? {} : { actionType: action }) }, this.deps));
  }

  private async enforce(set: number): Promise<boolean> {
    const cedarTexts = JSON.stringify(policySets[set]?.cedar);
    if (set > 0) {
      await this.asApproved(
        `INSERT INTO exequatur.policy_version (tenant_id, version, policies, cases, digest, created_by, created_at)
         VALUES ($1, $2, $3, '[]', 'sha256:' || repeat('0', 64), 'ontologist', exequatur.clock()) ON CONFLICT DO NOTHING`,
        [set, cedarTexts],
      );
    }
    await this.asApproved('UPDATE exequatur.tenant_control SET policy_version = $2 WHERE tenant_id = $1', [set]);
    return true;
  }

  private async now(): Promise<number> {
    const [row] = await this.inApi((tx) => tx.rows<{ now: Date }>('SELECT exequatur.clock() AS now'));
    return row?.now.getTime() ?? 0;
  }
}
