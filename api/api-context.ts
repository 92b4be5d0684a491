import type pg from 'pg';
import { Gauge, type Registry } from 'prom-client';
import type { Actor } from '../ontology/authority.ts';
import { Mask } from '../ontology/mask.ts';
import type { SensitiveFields } from '../ontology/sensitive-fields.ts';
import { mayNotSee } from '../store/ask-policies.ts';
import type { DatabaseProbe } from '../store/database-probe.ts';
import { EventWatch } from '../store/event-watch.ts';
import { isOutage } from '../store/is-outage.ts';
import { policyVersionInForce, versionsInForce } from '../store/policy-sets.ts';
import type { Witnesses } from '../store/read-log.ts';
import { isRefusal, type Refusal, refuse } from '../store/refusal.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { mayNotSeeProposal } from '../store/see-proposal.ts';
import { knownSensitiveFields, readSensitiveFields } from '../store/sensitive-fields-in-force.ts';
import { glance, type PrismaTx, type Sql, type Tx, withTenant, withTenantPrisma } from '../store/sql.ts';
import { knownActor, resolveActor } from '../store/standing.ts';
import type { Seen, StatusWatch } from '../store/status-watch.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import { systemTenant } from '../store/system-chain.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ProposalStart } from '../workflows/proposal.contract.ts';
import { Admission, type AdmissionLimits, engineLimits, type Place } from './admission.ts';
import { auditReads } from './audit-reads.ts';
import type { AuthenticatedCaller, TokenRules } from './authenticate.ts';
import { CallerMemory } from './caller-memory.ts';
import { EnginePulse } from './engine-pulse.ts';
import { LoginFailures } from './login-failures.ts';
import { nudgeInTurn } from './nudge-in-turn.ts';
import { OpenStreams, type StreamLimits } from './open-streams.ts';
import type { WorkflowGateway } from './workflow-gateway.ts';

export interface ApiResources {
  pool: pg.Pool;
  probe: DatabaseProbe;
  deps: StoreDeps;
  watch: StatusWatch;
  workflows: WorkflowGateway;
  tokens: TokenRules;
  /** Of operators of the installation; absent where nobody is one. */
  operatorTokens?: TokenRules;
  /** Whose cosignatures of checkpoints are served: those that hold under these keys. */
  witnesses: Witnesses;
  /** Keeps secrets of endpoints. */
  secrets: SecretBox;
  registry: Registry;
  logger: Logger;
  /** The text of the OpenAPI document. */
  openApi: () => string;
  /** Address of the Temporal UI and the namespace in it; null where no UI is known. */
  workflowPages: { url: string; namespace: string } | null;
  /** How long an answer waits for a simulation, ms; 5 s unless told. */
  simulationPatienceMs?: number;
  /** After how long an engine that takes nothing is asked whether it is away, ms; 2 s unless told. */
  suspiciousMs?: number;
  /** How much is worked on at once; the ordinary limits unless told. */
  limits?: AdmissionLimits;
  engineLimits?: AdmissionLimits;
  /** Of streams of events; the ordinary ones where not told. */
  streamLimits?: Partial<StreamLimits>;
}

const longestKeptMs = 30_000; // An engine that takes longer over one step is away rather than busy, and holding calls back would not help it.

const defaultSimulationPatienceMs = 5_000; // What somebody waits for an answer; a simulation that takes longer is read with GET.

const glimpseMs = 250; // While the engine seems to be away: enough to see that it is back, and hardly a wait.

/** Which workflow is to be told after the commit. */
export interface Follow {
  proposalId: string;
  actionType: string;
}

/** Of what policies keep from the caller nothing has become. */
type Hidden = Refusal & { settled?: undefined };

/** Where a call stands: among those that are worked on, and in front of the engine where it gives that work. */
interface Places {
  readonly worked?: Place;
  readonly engine?: Place | undefined;
}

/** Everything handlers work with. Its transactions are those of the caller's tenant; there is no way to name another. */
export class ApiContext {
  readonly resources: ApiResources;
  readonly callers: CallerMemory;
  readonly admission: Admission;
  /** In front of the engine: how many proposals it is simulating and executing for calls of this process. */
  readonly engine: Admission;
  readonly pulse: EnginePulse;
  readonly logins: LoginFailures;
  readonly events: EventWatch;
  readonly streams: OpenStreams;
  private readonly underWay = new Set<Promise<unknown>>();
  private closing = false;
  /** Of the call that works with this; none outside of calls. */
  private readonly places: Places = {};

  constructor(resources: ApiResources) {
    this.resources = resources;
    this.callers = new CallerMemory(resources.tokens);
    this.admission = new Admission(resources.limits);
    this.engine = new Admission(resources.engineLimits ?? engineLimits);
    this.logins = new LoginFailures(resources.pool, resources.logger);
    this.pulse = new EnginePulse((start) => resources.workflows.isTaken(start), resources.suspiciousMs);
    measureLoad(resources.registry, this.admission, this.engine, this.pulse);
    this.events = new EventWatch(resources.pool);
    this.streams = new OpenStreams(resources.registry, resources.streamLimits);
  }

  /** The same, as one call with its places works with it. */
  during(places: Places): ApiContext {
    return Object.create(this, { places: { value: places } }) as ApiContext;
  }

  /** Waits for something outside. Others are worked on meanwhile. */
  rest<T>(wait: () => Promise<T>): Promise<T> {
    return this.places.worked === undefined ? wait() : this.places.worked.rest(wait);
  }

  /**
   * One transaction for a read, after the gate has admitted the caller as a reader. It may write what standing learns from the token. What it read MUST leave through
   * the mask, wherever it holds values of objects or parameters; that sensitive ones were shown is an entry of the audit log, in this transaction, one for all of them.
   * `of` MUST be the proposal that it is about: one that policies keep from the caller is not there.
   */
  readAs<T extends object>(
    caller: AuthenticatedCaller,
    work: (tx: Tx, actor: Actor, mask: Mask) => Promise<T | Refusal>,
    of?: string,
  ): Promise<T | Refusal> {
    const { pool, deps } = this.resources;
    return withTenant(pool, caller.tenant, async (tx) => {
      const [actor, fields] = await Promise.all([resolveActor(tx, caller), readSensitiveFields(tx, deps.ontologies)]);
      const authority = deps.decide({ action: 'read', actor });
      if (!authority.allowed) return refuse(authority.reason);
      const mask = this.maskFor(actor, fields);
      const outcome = (await this.mayNotSee(tx, actor, of)) ?? (await work(tx, actor, mask));
      if (!isRefusal(outcome)) auditReads(tx, actor, mask.reads());
      return outcome;
    });
  }

  /**
   * The same in one round trip, for a read of one statement. What it found is shown only to whom the gate admits; where it would show sensitive values it is read once
   * more, by a transaction that says so, which `show` then uses for whatever else it asks: with one of its own, calls could wait for each other's connections. `policyVersion` is that in force
   * at the same instant.
   */
  async glanceAs<F, T extends object>(
    caller: AuthenticatedCaller,
    read: (sql: Sql) => Promise<F>,
    show: (found: F, actor: Actor, mask: Mask, asked: { policyVersion: number; tx?: Tx }) => T | Refusal | Promise<T | Refusal>,
    of?: string,
  ): Promise<T | Refusal> {
    const { pool, deps } = this.resources;
    const { tenant } = caller;
    const [known, inForce, found] = await glance(pool, tenant, (sql) =>
      Promise.all([knownActor(sql, caller), versionsInForce(sql), read(sql)]),
    );
    const actor = known ?? (await withTenant(pool, tenant, (tx) => resolveActor(tx, caller)));
    const authority = deps.decide({ action: 'read', actor });
    if (!authority.allowed) return refuse(authority.reason);
    const hidden = inForce.policies === 0 ? null : await withTenant(pool, tenant, (tx) => this.mayNotSee(tx, actor, of));
    if (hidden !== null) return hidden;
    const fields =
      knownSensitiveFields(deps.ontologies, tenant, inForce.ontology) ??
      (await withTenant(pool, tenant, (tx) => readSensitiveFields(tx, deps.ontologies)));
    const mask = this.maskFor(actor, fields);
    const shown = await show(found, actor, mask, { policyVersion: inForce.policies });
    if (Object.keys(mask.reads()).length === 0) return shown;
    const showAgain = async (tx: Tx, again: Actor, own: Mask) => {
      const [foundAgain, policyVersion] = await Promise.all([read(tx), policyVersionInForce(tx)]);
      return show(foundAgain, again, own, { policyVersion, tx });
    };
    return this.readAs(caller, showAgain, of);
  }

  /** The same for the audit log, which holds names and reasons, and no values. */
  auditAs<T extends object>(
    caller: AuthenticatedCaller,
    work: (tx: Tx, mask: Mask) => Promise<T | Refusal>,
    of?: string,
  ): Promise<T | Refusal> {
    const { decide } = this.resources.deps;
    const read = async (tx: Tx, actor: Actor, mask: Mask) => {
      const authority = decide({ action: 'audit:read', actor });
      return authority.allowed ? work(tx, mask) : refuse(authority.reason);
    };
    return this.readAs(caller, read, of);
  }

  /**
   * The same of what several statements read and MUST be of one moment. `read` runs in a snapshot, once the gate has admitted the caller, and is told whether they may see every
   * value; `show` in a transaction behind it, in which the gate is asked again and that it was read goes on record: a snapshot that writes would fail whenever anybody else does.
   */
  async auditSnapshotAs<F extends object, T extends object>(
    caller: AuthenticatedCaller,
    read: (tx: Tx, seesAll: boolean) => Promise<F | Refusal>,
    show: (found: F, tx: Tx, mask: Mask) => T,
    of?: string,
  ): Promise<T | Refusal> {
    const admitted = await this.auditAs(caller, async (_tx, mask) => ({ seesAll: mask.hidesNothing() }), of);
    if (isRefusal(admitted)) return admitted;
    const found = await withTenant(this.resources.pool, caller.tenant, (tx) => read(tx, admitted.seesAll), {
      isolation: 'repeatable read read only',
    });
    return isRefusal(found) ? found : this.auditAs(caller, async (tx, mask) => show(found, tx, mask), of);
  }

  private async mayNotSee(tx: Tx, actor: Actor, of: string | undefined): Promise<Refusal | null> {
    const { deps } = this.resources;
    return (await mayNotSee(tx, deps, actor)) ?? (of === undefined ? null : mayNotSeeProposal(tx, deps, actor, of));
  }

  /** What a caller sees of values that were not read through this context. What is shown is on record before it is answered. */
  async showAs<T extends object>(caller: AuthenticatedCaller, show: (mask: Mask) => T | Refusal): Promise<T | Refusal> {
    return this.readAs(caller, async (_tx, _actor, mask) => show(mask));
  }

  /** One transaction for a read of the installation's own log, for its operators. */
  systemAs<T extends object>(_operator: AuthenticatedCaller, work: (tx: Tx) => Promise<T | Refusal>): Promise<T | Refusal> {
    return withTenant(this.resources.pool, systemTenant, work);
  }

  private maskFor(actor: Actor, fields: SensitiveFields): Mask {
    const { decide } = this.resources.deps;
    return new Mask(fields, (readers) => decide({ action: 'sensitive:read', actor, readers }).allowed);
  }

  /** One transaction for a write. The store function asks the gate itself, under the locks that its facts need. */
  writeAs<T>(caller: AuthenticatedCaller, work: (tx: PrismaTx) => Promise<T>): Promise<T> {
    return withTenantPrisma(this.resources.pool, caller.tenant, work);
  }

  /** The same of one proposal, which policies may keep from the caller: then it is not there to be acted on. Nor is anything where they may not see the tenant. */
  actAs<T>(caller: AuthenticatedCaller, proposalId: string, work: (tx: PrismaTx) => Promise<T>): Promise<T | Hidden> {
    return this.actWhere(caller, (tx, actor) => this.mayNotSee(tx, actor, proposalId), work);
  }

  /** The same of what they take back: no policy keeps anybody from that who proposed it. */
  takeBackAs<T>(caller: AuthenticatedCaller, proposalId: string, work: (tx: PrismaTx) => Promise<T>): Promise<T | Hidden> {
    return this.actWhere(caller, (tx, actor) => mayNotSeeProposal(tx, this.resources.deps, actor, proposalId), work);
  }

  private actWhere<T>(
    caller: AuthenticatedCaller,
    mayNot: (tx: PrismaTx, actor: Actor) => Promise<Refusal | null>,
    work: (tx: PrismaTx) => Promise<T>,
  ): Promise<T | Hidden> {
    return withTenantPrisma(this.resources.pool, caller.tenant, async (tx) => {
      if ((await policyVersionInForce(tx)) === 0) return work(tx); // These keep nothing from whoever may act.
      return (await mayNot(tx, await resolveActor(tx, caller))) ?? work(tx);
    });
  }

  /**
   * After a commit: makes the workflow look again. Outside the request, because a worker acknowledges a nudge only together with the step that it led to. Never fails
   * what was committed.
   */
  nudge(caller: AuthenticatedCaller, { proposalId, actionType }: Follow): void {
    const away = new AbortController();
    const start = { tenantId: caller.tenant, proposalId, actionType };
    this.keepEngineFor(start, away.signal);
    const since = performance.now();
    this.goOn(
      this.resources.workflows.nudge(start).then((arrived) => {
        if (arrived) return this.pulse.alive();
        away.abort();
        return this.pulse.unheard(start, since);
      }),
    );
  }

  /** After the commits of a batch: the same of each of its members, in its turn. */
  nudgeInTurn(caller: AuthenticatedCaller, members: readonly Follow[]): void {
    const failed = (err: unknown) => this.resources.logger.error({ err, tenant: caller.tenant }, 'a batch is left to the relay');
    this.goOn(nudgeInTurn(caller, members, this).catch(failed));
  }

  /** Whether the process is about to end, and should begin nothing that others can do. */
  get isClosing(): boolean {
    return this.closing;
  }

  /** After a commit: starts the workflow and waits for the simulation to be committed, as long as somebody would wait for an answer, or until the engine proves to be away. */
  async awaitSimulation(caller: AuthenticatedCaller, { proposalId, actionType }: Follow): Promise<Seen | null> {
    const { workflows, watch, simulationPatienceMs = defaultSimulationPatienceMs } = this.resources;
    const start = { tenantId: caller.tenant, proposalId, actionType };
    const unstarted = new AbortController();
    const since = performance.now();
    this.goOn(
      workflows.start(start).then((started) => {
        if (started) return;
        unstarted.abort();
        return this.pulse.unheard(start, since);
      }),
    );
    const limitMs = this.pulse.isStill ? Math.min(glimpseMs, simulationPatienceMs) : simulationPatienceMs;
    const seen = await this.pulse.follow(start, (away) => {
      const signal = AbortSignal.any([away, unstarted.signal]);
      return this.until(caller, { proposalId, awaited: 'simulation', limitMs, signal });
    });
    if (seen === null) this.keepEngineFor(start, unstarted.signal);
    else this.pulse.alive();
    this.pulse.listen((longestMs) => watch.until(caller.tenant, { proposalId, awaited: 'simulation', limitMs: longestMs }));
    return seen;
  }

  /** The engine is at it beyond the answer: until it is a person's turn, or the engine proves to be away, the call keeps its place in front of it. */
  private keepEngineFor(start: ProposalStart, unheard: AbortSignal): void {
    if (this.pulse.isStill) return;
    const { tenantId, proposalId } = start;
    this.places.engine?.keep(() =>
      this.pulse.follow(start, async (away) => {
        const signal = AbortSignal.any([away, unheard]);
        const seen = await this.resources.watch.until(tenantId, { proposalId, awaited: 'turn', limitMs: longestKeptMs, signal });
        if (seen !== null) this.pulse.alive();
        return seen;
      }),
    );
  }

  /** Waits for a proposal to come somewhere. Others are worked on meanwhile. Null also where the database is away: what was committed before is so, and is to be told. */
  async until({ tenant }: Pick<AuthenticatedCaller, 'tenant'>, wait: Parameters<StatusWatch['until']>[1]): Promise<Seen | null> {
    try {
      return await this.rest(() => this.resources.watch.until(tenant, wait));
    } catch (error) {
      if (await isOutage(this.resources.pool, error)) return null;
      throw error;
    }
  }

  /** Waits for the messages that were still on their way when the last answer went out, and writes down who could not log in. */
  async settle(): Promise<void> {
    this.closing = true;
    await this.logins.flush();
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
  }

  private goOn(work: Promise<unknown>): void {
    this.underWay.add(work);
    void work.finally(() => this.underWay.delete(work));
  }
}

function measureLoad(registry: Registry, admission: Admission, engine: Admission, pulse: EnginePulse): void {
  new Gauge({
    name: 'exequatur_engine_away',
    help: '1 while nothing of what this process gave the engine is taken by a worker.',
    registers: [registry],
    collect() {
      this.set(pulse.isStill ? 1 : 0);
    },
  });
  new Gauge({
    name: 'exequatur_api_calls',
    help: 'Calls that are worked on, and that wait for that; calls whose proposals the engine works on, and that wait for that.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { atWork, waiting } = admission.load;
      this.set({ state: 'at_work' }, atWork);
      this.set({ state: 'waiting' }, waiting);
      this.set({ state: 'in_engine' }, engine.load.atWork);
      this.set({ state: 'waiting_for_engine' }, engine.load.waiting);
    },
  });
}

export function answered<T extends object, A>(outcome: T | Refusal, answer: (value: T) => A): A | Refusal {
  return isRefusal(outcome) ? outcome : answer(outcome);
}
