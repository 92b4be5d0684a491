import { randomUUID } from 'node:crypto';
import { Client, type ClientOptions, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type pg from 'pg';
import { countEndedEffects } from '../../activities/count-ended-effects.ts';
import { createActivities } from '../../activities/create-activities.ts';
import { createScheduleActivities } from '../../activities/create-schedule-activities.ts';
import { openOutside } from '../../activities/effects/open-outside.ts';
import { measureSteps } from '../../activities/measure-steps.ts';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import type { RegisteredFunction } from '../../ontology/ontology-function.ts';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { breakGlass } from '../../store/break-glass.ts';
import { openPool } from '../../store/connect.ts';
import { createProposal } from '../../store/create-proposal.ts';
import { executeProposal, executionIdOf } from '../../store/execute-proposal.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { lockProposal } from '../../store/proposal-row.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { recordReview } from '../../store/record-review.ts';
import { isRefusal, type Refusal } from '../../store/refusal.ts';
import { SecretBox } from '../../store/secret-box.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { type PrismaTx, withTenant, withTenantPrisma } from '../../store/sql.ts';
import { StatusWatch } from '../../store/status-watch.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { beginExecution } from '../../store/transition.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { openRegistry } from '../../telemetry/metrics.ts';
import { temporalLogger } from '../../telemetry/temporal-logger.ts';
import { findWorkflowBundle } from '../../workflow-bundle.ts';
import {
  nudgeSignal,
  nudgeUpdate,
  proposalStartOptions,
  proposalWorkflowId,
  proposalWorkflowType,
} from '../../workflows/proposal.contract.ts';
import type { ProposalActivities } from '../../workflows/proposal-activities.contract.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { logger } from '../support/runtime.ts';
import { temporalAddress } from '../support/temporal.ts';
import { agent, keeper, lamps, onCall, owner, secondOwner } from './lamps.ts';

export interface ShopWishes {
  temporal?: string;
  /** Superuser's URL of a PostgreSQL server. */
  postgres?: string;
  plugins?: NonNullable<ClientOptions['plugins']>;
  client?: Client;
  /** Another domain than lamps. */
  document?: JsonValue;
  functions?: readonly RegisteredFunction[];
}

export interface WorkerWishes {
  /** Stands between the workflow and the real activities. */
  around?: (activities: ProposalActivities) => ProposalActivities;
  options?: Partial<WorkerOptions>;
  plugins?: NonNullable<ClientOptions['plugins']> & NonNullable<WorkerOptions['plugins']>;
}

/** One tenant with lamps in a database of its own, and everything that the API, the worker and the relay would do for it, as real as it can be. */
export class LampShop {
  readonly taskQueue = `lamps-${randomUUID()}`;
  readonly deps: StoreDeps;
  readonly workerPool: pg.Pool;
  readonly relayPool: pg.Pool;
  readonly database: TestDatabase;
  readonly tenant: string;
  readonly client: Client;
  readonly temporal: string;
  readonly document: JsonValue;
  private readonly apiPool: pg.Pool;
  private readonly superuser: pg.Pool;
  private readonly actionTypes = new Map<string, string>();
  private readonly stops: (() => Promise<unknown>)[] = [];

  private constructor(
    database: TestDatabase,
    tenant: string,
    client: Client,
    { temporal, document, functions }: Required<Pick<ShopWishes, 'temporal' | 'document' | 'functions'>>,
  ) {
    this.deps = { decide, ontologies: new OntologyCache(functions), policies: new PolicySets(cedar) };
    this.database = database;
    this.tenant = tenant;
    this.client = client;
    this.temporal = temporal;
    this.document = document;
    this.apiPool = openPool(database.urls.api);
    this.workerPool = openPool(database.urls.worker);
    this.relayPool = openPool(database.urls.relay);
    this.superuser = openPool(database.urls.superuser, { max: 2 });
  }

  /** On the run's servers unless told which; `client` replaces the ordinary one. */
  static async open({
    temporal = temporalAddress(),
    postgres,
    plugins = [],
    client,
    document = lamps,
    functions = [],
  }: ShopWishes = {}): Promise<LampShop> {
    const database = await createTestDatabase(postgres);
    const connection = await Connection.connect({ address: temporal });
    const wishes = { temporal, document, functions };
    const shop = new LampShop(database, await database.createTenant(), client ?? new Client({ connection, plugins }), wishes);
    shop.stops.push(() => connection.close());
    await shop.write((tx) => putOntology(tx, document, owner, shop.deps));
    return shop;
  }

  async close(): Promise<void> {
    for (const stop of this.stops.splice(0).reverse()) await stop();
    await Promise.all([this.apiPool.end(), this.workerPool.end(), this.relayPool.end(), this.superuser.end()]);
    await this.database.drop();
  }

  activities(): ProposalActivities {
    const outside = openOutside({ pool: this.workerPool, functions: [], allowedAddresses: ['127.0.0.1'], secrets: new SecretBox([]) });
    const registry = openRegistry('test');
    const history = { namespace: 'default', workflowService: this.client.workflowService };
    const measures = { history, durations: measureSteps(registry), endedEffects: countEndedEffects(registry) };
    return createActivities({ pool: this.workerPool, store: this.deps, logger, outside, ...measures });
  }

  /** A worker in this process; the function it returns stops it. */
  async startWorker({ around = (same) => same, options = {}, plugins = [] }: WorkerWishes = {}): Promise<() => Promise<void>> {
    const connection = await NativeConnection.connect({ address: this.temporal });
    const worker = await Worker.create({
      connection,
      taskQueue: this.taskQueue,
      workflowBundle: await findWorkflowBundle(plugins as never, temporalLogger(logger)),
      activities: {
        ...around(this.activities()),
        ...createScheduleActivities({ pool: this.workerPool, store: this.deps, logger }),
      },
      stickyQueueScheduleToStartTimeout: 1_000,
      plugins,
      ...options,
    });
    const running = worker.run();
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= (async () => {
        worker.shutdown();
        await running;
        await connection.close();
      })();
      return stopped;
    };
    this.stops.push(stop);
    return stop;
  }

  /** Commits a proposal, as the API does before Temporal hears of it. */
  async propose(actionType: string, parameters: JsonValue, proposer: Caller = agent): Promise<string> {
    const request = { actionType, parameters, justification: 'a test', idempotencyKey: randomUUID(), proposer };
    const { proposalId } = await this.write((tx) => createProposal(tx, request, this.deps));
    this.actionTypes.set(proposalId, actionType);
    return proposalId;
  }

  /** Starts the proposal's workflow and waits for the simulation. */
  async simulated(proposalId: string, actionType: string): Promise<string> {
    await this.client.workflow.start(proposalWorkflowType, this.startOptions(proposalId, actionType));
    const seen = await new StatusWatch(this.workerPool).until(this.tenant, { proposalId, awaited: 'simulation', limitMs: 60_000 });
    if (seen === null) throw new Error('the proposal was not simulated');
    return seen.status;
  }

  /** Both, and the proposal's id. */
  async proposed(actionType: string, parameters: JsonValue): Promise<string> {
    const proposalId = await this.propose(actionType, parameters);
    await this.simulated(proposalId, actionType);
    return proposalId;
  }

  /** Commits a proposal and starts its workflow without waiting for anything. */
  async started(actionType: string, parameters: JsonValue): Promise<string> {
    const proposalId = await this.propose(actionType, parameters);
    await this.signal(proposalId, actionType);
    return proposalId;
  }

  async installed(...names: string[]): Promise<void> {
    const proposalId = await this.proposed('install', { names });
    await this.outcome(proposalId);
  }

  /** Commits a review, as the API does before it nudges. */
  async review(proposalId: string, decision: 'approve' | 'reject' | 'request_changes' = 'approve'): Promise<void> {
    const [plan] = await this.query<{ plan_digest: string }>('SELECT plan_digest FROM exequatur.proposal WHERE id = $1', [proposalId]);
    const review = { proposalId, decision, digest: plan?.plan_digest ?? '', reviewer: keeper, reason: 'x' };
    await this.write((tx) => recordReview(tx, review, this.deps));
  }

  /** As whoever is on call does. */
  async breakGlass(proposalId: string): Promise<void> {
    const [plan] = await this.query<{ plan_digest: string }>('SELECT plan_digest FROM exequatur.proposal WHERE id = $1', [proposalId]);
    const emergency = { proposalId, digest: plan?.plan_digest ?? '', reason: 'it burns', by: onCall };
    await this.write((tx) => breakGlass(tx, emergency, this.deps));
  }

  /** Carries a change of what governs out without a workflow: simulated, approved by a second person where it asks for one, executed. */
  async enact(proposalId: string): Promise<void> {
    const plan = await simulateProposal(this.workerPool, this.tenant, proposalId, this.deps);
    if (plan?.status === 'awaiting_approval') {
      const review = { proposalId, decision: 'approve' as const, digest: plan.digest ?? '', reviewer: secondOwner };
      await this.write((tx) => recordReview(tx, review, this.deps));
    }
    const settled = await executeProposal(this.workerPool, this.tenant, proposalId, this.deps);
    if (settled?.status !== 'executed') throw new Error(`expected executed, found ${JSON.stringify(settled)}`);
  }

  /** One transaction of the API. */
  inApi<T>(work: (tx: PrismaTx) => Promise<T>): Promise<T> {
    return withTenantPrisma(this.apiPool, this.tenant, work);
  }

  async withdraw(proposalId: string): Promise<void> {
    await this.write((tx) => withdrawProposal(tx, { proposalId, by: agent }, this.deps));
  }

  /** Commits the beginning of an execution and nothing else, as a worker would that dies there. */
  async beginExecution(proposalId: string): Promise<void> {
    await withTenant(this.workerPool, this.tenant, async (tx) => {
      const proposal = await lockProposal(tx, proposalId);
      if (proposal !== null) beginExecution(tx, proposal, executionIdOf(proposalId));
    });
  }

  /** As the API nudges; what it cannot deliver the relay does. */
  async nudge(proposalId: string): Promise<void> {
    try {
      await this.handle(proposalId).startUpdate(nudgeUpdate, { waitForStage: 'ACCEPTED' });
    } catch {
      await this.signal(proposalId, this.actionTypes.get(proposalId) ?? '');
    }
  }

  /** As the relay nudges. */
  async signal(proposalId: string, actionType: string): Promise<void> {
    await this.client.workflow.signalWithStart(proposalWorkflowType, { ...this.startOptions(proposalId, actionType), signal: nudgeSignal });
  }

  /** What the workflow returned. */
  async outcome(proposalId: string): Promise<string> {
    return this.handle(proposalId).result();
  }

  handle(proposalId: string) {
    return this.client.workflow.getHandle(proposalWorkflowId(proposalId));
  }

  /** What Temporal's UI shows of the workflow as it stands. */
  async currentDetails(proposalId: string): Promise<string> {
    return (await this.handle(proposalId).query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
  }

  async workflowTasks(proposalId: string): Promise<number> {
    const { events } = await this.handle(proposalId).fetchHistory();
    return events?.filter((event) => event.workflowTaskCompletedEventAttributes).length ?? 0;
  }

  startOptions(proposalId: string, actionType: string) {
    return proposalStartOptions({ tenantId: this.tenant, proposalId, actionType }, this.taskQueue);
  }

  async status(proposalId: string): Promise<string | undefined> {
    const [row] = await this.query<{ status: string }>('SELECT status FROM exequatur.proposal WHERE id = $1', [proposalId]);
    return row?.status;
  }

  async lampLevel(name: string): Promise<number | undefined> {
    const [row] = await this.query<{ level: number }>(
      `SELECT (properties->>'level')::int AS level FROM exequatur.object WHERE type = 'lamp' AND id = $1 AND alive`,
      [name],
    );
    return row?.level;
  }

  /** How often things happened to a proposal: each should be once, however often a step ran. */
  async traces(proposalId: string): Promise<{ executions: number; history: number; executedEvents: number; plans: number }> {
    const [row] = await this.query<{ executions: number; history: number; executedEvents: number; plans: number }>(
      `SELECT (SELECT count(*)::int FROM exequatur.execution WHERE proposal_id = $1) AS executions,
              (SELECT count(*)::int FROM exequatur.object_history WHERE proposal_id = $1) AS history,
              (SELECT count(*)::int FROM exequatur.outbox WHERE proposal_id = $1 AND type = 'proposal.executed') AS "executedEvents",
              (SELECT count(*)::int FROM exequatur.plan WHERE proposal_id = $1) AS plans`,
      [proposalId],
    );
    if (row === undefined) throw new Error('unreachable: counts always come back');
    return row;
  }

  /** Locks the proposal's row, so that whoever wants to move it stands waiting in the middle of a transaction. Returns how to let go. */
  async hold(proposalId: string): Promise<() => Promise<void>> {
    const client = await this.superuser.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM exequatur.proposal WHERE id = $1 FOR UPDATE', [proposalId]);
    return async () => {
      await client.query('ROLLBACK');
      client.release();
    };
  }

  /** The regular activity that Temporal is trying, if there is one. */
  async pendingActivity(
    proposalId: string,
  ): Promise<{ name?: string | null | undefined; failure?: string | null | undefined } | undefined> {
    const [pending] = (await this.handle(proposalId).describe()).raw.pendingActivities ?? [];
    return pending && { name: pending.activityType?.name, failure: pending.lastFailure?.applicationFailureInfo?.type };
  }

  async query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.superuser.query<T>(text, values)).rows;
  }

  /** A transaction of the API's login whose refusals fail the test. */
  async write<T extends object>(work: (tx: PrismaTx) => Promise<T | Refusal>): Promise<T> {
    const outcome = await withTenantPrisma(this.apiPool, this.tenant, work);
    if (isRefusal(outcome)) throw new Error(`refused: ${JSON.stringify(outcome)}`);
    return outcome;
  }
}
