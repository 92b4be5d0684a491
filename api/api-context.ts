import type pg from 'pg';
import type { Registry } from 'prom-client';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Actor } from '../ontology/authority.ts';
import { markNudgesDelivered } from '../store/nudges.ts';
import { isRefusal, type Refusal, refuse } from '../store/refusal.ts';
import { type PrismaTx, type Tx, withTenant, withTenantPrisma } from '../store/sql.ts';
import { resolveActor } from '../store/standing.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AuthenticatedCaller, TokenRules } from './authenticate.ts';
import type { WorkflowGateway } from './workflow-gateway.ts';

export interface ApiResources {
  pool: pg.Pool;
  prisma: PrismaClient;
  deps: StoreDeps;
  workflows: WorkflowGateway;
  tokens: TokenRules;
  registry: Registry;
  logger: Logger;
  /** The text of the OpenAPI document. */
  openApi: () => string;
  /** Address of the Temporal UI and the namespace in it; null where no UI is known. */
  workflowPages: { url: string; namespace: string } | null;
}

/** What a proposal's transaction leaves for after the commit. */
export interface Follow {
  proposalId: string;
  actionType: string;
  nudgeId: string | null;
}

/** Everything handlers work with. Its transactions are those of the caller's tenant; there is no way to name another. */
export class ApiContext {
  readonly resources: ApiResources;
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(resources: ApiResources) {
    this.resources = resources;
  }

  /** One transaction for a read, after the gate has admitted the caller as a reader. It may write what standing learns from the token. */
  readAs<T extends object>(caller: AuthenticatedCaller, work: (tx: Tx, actor: Actor) => Promise<T | Refusal>): Promise<T | Refusal> {
    return withTenant(this.resources.pool, caller.tenant, async (tx) => {
      const actor = await resolveActor(tx, caller);
      const authority = this.resources.deps.decide({ action: 'read', actor });
      return authority.allowed ? work(tx, actor) : refuse(authority.reason);
    });
  }

  /** One transaction for a write. The store function asks the gate itself, under the locks that its facts need. */
  writeAs<T>(caller: AuthenticatedCaller, work: (tx: PrismaTx) => Promise<T>): Promise<T> {
    return withTenantPrisma(this.resources.prisma, caller.tenant, work);
  }

  /**
   * After a commit: makes the workflow look again. Outside the request, because a worker acknowledges a nudge only together with the step that it led to. Never fails
   * what was committed.
   */
  nudge(caller: AuthenticatedCaller, follow: Follow): void {
    const { proposalId, actionType } = follow;
    this.goOn(
      this.resources.workflows.nudge({ tenantId: caller.tenant, proposalId, actionType }).then((delivered) => {
        if (delivered) this.markDelivered(caller, follow.nudgeId);
      }),
    );
  }

  /** After a commit: starts the workflow and waits for the simulation, as long as somebody would wait for an answer. */
  async awaitSimulation(caller: AuthenticatedCaller, follow: Follow, revision: number): Promise<void> {
    const { proposalId, actionType } = follow;
    const delivered = await this.resources.workflows.startAndAwaitSimulation({ tenantId: caller.tenant, proposalId, actionType }, revision);
    if (delivered) this.markDelivered(caller, follow.nudgeId);
  }

  /** Waits for what was still being noted when the last answer went out. */
  async settle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay); // A nudge that arrives leads to a note.
  }

  /** Outside the request: if the note is lost, the relay nudges once more, which changes nothing. */
  private markDelivered(caller: AuthenticatedCaller, nudgeId: string | null): void {
    if (nudgeId === null) return;
    const noting = markNudgesDelivered(this.resources.pool, caller.tenant, [nudgeId]).catch((err: unknown) =>
      this.resources.logger.warn({ err, tenant: caller.tenant }, 'a delivered nudge could not be noted; the relay will send it again'),
    );
    this.goOn(noting);
  }

  private goOn(work: Promise<unknown>): void {
    this.underWay.add(work);
    void work.finally(() => this.underWay.delete(work));
  }
}

export function answered<T extends object, A>(outcome: T | Refusal, answer: (value: T) => A): A | Refusal {
  return isRefusal(outcome) ? outcome : answer(outcome);
}
