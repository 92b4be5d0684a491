import type pg from 'pg';
import { Gauge, type Registry } from 'prom-client';
import type { Actor } from '../ontology/authority.ts';
import { Mask } from '../ontology/mask.ts';
import type { SensitiveFields } from '../ontology/sensitive-fields.ts';
import { mayNotSee } from '../store/ask-policies.ts';
import { EventWatch } from '../store/event-watch.ts';
import { currentVersion } from '../store/load-ontology.ts';
import { policyVersionInForce } from '../store/policy-sets.ts';
import { isRefusal, type Refusal, refuse } from '../store/refusal.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { knownSensitiveFields, readSensitiveFields } from '../store/sensitive-fields-in-force.ts';
import { glance, type PrismaTx, type Sql, type Tx, withTenant, withTenantPrisma } from '../store/sql.ts';
import { knownActor, resolveActor } from '../store/standing.ts';
import type { Seen, StatusWatch } from '../store/status-watch.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Admission, type AdmissionLimits } from './admission.ts';
import type { AuthenticatedCaller, TokenRules } from './authenticate.ts';
import { CallerMemory } from './caller-memory.ts';
import { OpenStreams, type StreamLimits } from './open-streams.ts';
import type { WorkflowGateway } from './workflow-gateway.ts';

export interface ApiResources {
  pool: pg.Pool;
  deps: StoreDeps;
  watch: StatusWatch;
  workflows: WorkflowGateway;
  tokens: TokenRules;
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
  /** How much is worked on at once; the ordinary limits unless told. */
  limits?: AdmissionLimits;
  /** Of streams of events; the ordinary ones where not told. */
  streamLimits?: Partial<StreamLimits>;
}

const defaultSimulationPatienceMs = 5_000; // What somebody waits for an answer; a simulation that takes longer is read with GET.

/** Which workflow is to be told after the commit. */
export interface Follow {
  proposalId: string;
  actionType: string;
}

/** Everything handlers work with. Its transactions are those of the caller's tenant; there is no way to name another. */
export class ApiContext {
  readonly resources: ApiResources;
  readonly callers: CallerMemory;
  readonly admission: Admission;
  readonly events: EventWatch;
  readonly streams: OpenStreams;
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(resources: ApiResources) {
    this.resources = resources;
    this.callers = new CallerMemory(resources.tokens);
    this.admission = new Admission(resources.limits);
    this.events = new EventWatch(resources.pool);
    this.streams = new OpenStreams(resources.registry, resources.streamLimits);
    measureLoad(resources.registry, this.admission);
  }

  /**
   * One transaction for a read, after the gate has admitted the caller as a reader. It may write what standing learns from the token. What it read MUST leave through
   * the mask, wherever it holds values of objects or parameters.
   */
  readAs<T extends object>(
    caller: AuthenticatedCaller,
    work: (tx: Tx, actor: Actor, mask: Mask) => Promise<T | Refusal>,
  ): Promise<T | Refusal> {
    const { pool, deps } = this.resources;
    return withTenant(pool, caller.tenant, async (tx) => {
      const [actor, fields] = await Promise.all([resolveActor(tx, caller), readSensitiveFields(tx, deps.ontologies)]);
      const authority = deps.decide({ action: 'read', actor });
      if (!authority.allowed) return refuse(authority.reason);
      return (await mayNotSee(tx, deps, actor)) ?? work(tx, actor, this.maskFor(actor, fields));
    });
  }

  /** The same in one round trip, for a read of one statement. What it found is shown only to whom the gate admits. */
  async glanceAs<F, T extends object>(
    caller: AuthenticatedCaller,
    read: (sql: Sql) => Promise<F>,
    show: (found: F, actor: Actor, mask: Mask) => T | Refusal,
  ): Promise<T | Refusal> {
    const { pool, deps } = this.resources;
    const { tenant } = caller;
    const [known, version, found, policies] = await glance(pool, tenant, (sql) =>
      Promise.all([knownActor(sql, caller), currentVersion(sql), read(sql), policyVersionInForce(sql)]),
    );
    const actor = known ?? (await withTenant(pool, tenant, (tx) => resolveActor(tx, caller)));
    const authority = deps.decide({ action: 'read', actor });
    if (!authority.allowed) return refuse(authority.reason);
    const hidden = policies === 0 ? null : await withTenant(pool, tenant, (tx) => mayNotSee(tx, deps, actor));
    if (hidden !== null) return hidden;
    const fields =
      knownSensitiveFields(deps.ontologies, tenant, version) ??
      (await withTenant(pool, tenant, (tx) => readSensitiveFields(tx, deps.ontologies)));
    return show(found, actor, this.maskFor(actor, fields));
  }

  /** The same for the audit log, which holds names and reasons, and no values. */
  auditAs<T extends object>(caller: AuthenticatedCaller, work: (tx: Tx) => Promise<T | Refusal>): Promise<T | Refusal> {
    const { decide } = this.resources.deps;
    return this.readAs(caller, async (tx, actor) => {
      const authority = decide({ action: 'audit:read', actor });
      return authority.allowed ? work(tx) : refuse(authority.reason);
    });
  }

  /** What a caller sees of values that were not read through this context. */
  async maskOf(caller: AuthenticatedCaller): Promise<Mask | Refusal> {
    return this.readAs(caller, async (_tx, _actor, mask) => mask);
  }

  private maskFor(actor: Actor, fields: SensitiveFields): Mask {
    const { decide } = this.resources.deps;
    return new Mask(fields, (readers) => decide({ action: 'sensitive:read', actor, readers }).allowed);
  }

  /** One transaction for a write. The store function asks the gate itself, under the locks that its facts need. */
  writeAs<T>(caller: AuthenticatedCaller, work: (tx: PrismaTx) => Promise<T>): Promise<T> {
    return withTenantPrisma(this.resources.pool, caller.tenant, work);
  }

  /**
   * After a commit: makes the workflow look again. Outside the request, because a worker acknowledges a nudge only together with the step that it led to. Never fails
   * what was committed.
   */
  nudge(caller: AuthenticatedCaller, { proposalId, actionType }: Follow): void {
    this.goOn(this.resources.workflows.nudge({ tenantId: caller.tenant, proposalId, actionType }));
  }

  /** After a commit: starts the workflow and waits for the simulation to be committed, as long as somebody would wait for an answer, or until Temporal proves to be away. */
  async awaitSimulation(caller: AuthenticatedCaller, { proposalId, actionType }: Follow): Promise<Seen | null> {
    const { workflows, simulationPatienceMs } = this.resources;
    const away = new AbortController();
    this.goOn(
      workflows.start({ tenantId: caller.tenant, proposalId, actionType }).then((started) => {
        if (!started) away.abort();
      }),
    );
    const limitMs = simulationPatienceMs ?? defaultSimulationPatienceMs;
    return this.until(caller, { proposalId, awaited: 'simulation', limitMs, signal: away.signal });
  }

  /** Waits for a proposal to come somewhere. Others are worked on meanwhile. */
  until({ tenant }: Pick<AuthenticatedCaller, 'tenant'>, wait: Parameters<StatusWatch['until']>[1]): Promise<Seen | null> {
    return this.admission.rest(() => this.resources.watch.until(tenant, wait));
  }

  /** Waits for the messages that were still on their way when the last answer went out. */
  async settle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
  }

  private goOn(work: Promise<unknown>): void {
    this.underWay.add(work);
    void work.finally(() => this.underWay.delete(work));
  }
}

function measureLoad(registry: Registry, admission: Admission): void {
  new Gauge({
    name: 'exequatur_api_calls',
    help: 'Calls that are worked on, and that wait for that.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { atWork, waiting } = admission.load;
      this.set({ state: 'at_work' }, atWork);
      this.set({ state: 'waiting' }, waiting);
    },
  });
}

export function answered<T extends object, A>(outcome: T | Refusal, answer: (value: T) => A): A | Refusal {
  return isRefusal(outcome) ? outcome : answer(outcome);
}
