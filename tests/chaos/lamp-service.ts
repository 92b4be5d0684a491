import { expect } from 'vitest';
import { ApiProcesses, type HeardAnswer } from '../support/api-processes.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { type SeverableProxy, startSeverableProxy } from '../support/severable-proxy.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop, type ShopWishes } from '../workflows/lamp-shop.ts';
import { agent, keeper } from '../workflows/lamps.ts';
import { holdLocks, waitsForLock } from './held-locks.ts';

const nowhere = '127.0.0.1:1'; // Nothing listens on port 1: Temporal as it is when it is away.

interface Wishes extends Pick<ShopWishes, 'postgres' | 'temporal'> {
  /** With an API that cannot reach Temporal, the relay alone tells the workflows. */
  apiReachesTemporal?: boolean;
  apis?: number;
  /** More of the environment. */
  ofApi?: Record<string, string>;
  ofWorker?: Record<string, string>;
  /** Hears everything that API and worker print. */
  onLine?: (line: string) => void;
}

/** The lamp shop as it is deployed, with API, worker and relay in processes of their own, and people who send again what got no answer. */
export class LampService {
  readonly shop: LampShop;
  readonly apis: ApiProcesses;
  /** Between the API and its database. */
  readonly proxy: SeverableProxy;
  readonly relay: KillableProcess;
  readonly worker: WorkerProcess;

  private constructor(parts: Pick<LampService, 'shop' | 'apis' | 'proxy' | 'relay' | 'worker'>) {
    this.shop = parts.shop;
    this.apis = parts.apis;
    this.proxy = parts.proxy;
    this.relay = parts.relay;
    this.worker = parts.worker;
  }

  static async open({
    apiReachesTemporal = true,
    apis = 1,
    ofApi = {},
    ofWorker = {},
    onLine = () => {},
    ...servers
  }: Wishes = {}): Promise<LampService> {
    const shop = await LampShop.open(servers);
    const { urls } = shop.database;
    const { temporal, taskQueue, tenant } = shop;
    const proxy = await startSeverableProxy(urls.api);
    return new LampService({
      shop,
      proxy,
      worker: await startWorkerProcess({ databaseUrl: urls.worker, temporal, taskQueue, more: ofWorker, onLine }),
      relay: startKillable('relay', 'events/relay.ts', {
        EXEQUATUR_RELAY_DATABASE_URL: urls.relay,
        EXEQUATUR_RELAY_METRICS_PORT: '0',
        TEMPORAL_ADDRESS: temporal,
        EXEQUATUR_TASK_QUEUE: taskQueue,
      }),
      apis: await ApiProcesses.open({
        databaseUrl: proxy.url,
        temporal: apiReachesTemporal ? temporal : nowhere,
        taskQueue,
        tenant,
        count: apis,
        more: ofApi,
        onLine,
      }),
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.apis.stop(), this.relay.stop(), this.worker.stop()]);
    await this.shop.close();
    await this.proxy.close();
  }

  /** The API process, where there is one. */
  get api(): KillableProcess {
    return this.apis.processes[0] as KillableProcess;
  }

  /** The agent asks for a lamp to be dimmed, under an idempotency key. */
  propose(lamp: string, level: number, to = 0): Promise<HeardAnswer> {
    const body = { actionType: 'dim', parameters: { lamp, level }, justification: 'a test' };
    return this.apis.post('/v1/proposals', agent, body, { headers: { 'idempotency-key': `dim-${lamp}` }, to });
  }

  async approve(proposalId: string): Promise<HeardAnswer> {
    const [plan] = await this.shop.query<{ digest: string }>('SELECT plan_digest AS digest FROM exequatur.proposal WHERE id = $1', [
      proposalId,
    ]);
    const headers = { 'if-match': `"${plan?.digest}"` };
    return this.apis.post(`/v1/proposals/${proposalId}/reviews`, keeper, { decision: 'approve' }, { headers });
  }

  hold(statement: string, values: unknown[] = []): Promise<() => Promise<void>> {
    return holdLocks(this.shop, statement, values);
  }

  isHeld(applicationName: string): Promise<boolean> {
    return waitsForLock(this.shop, applicationName);
  }

  async untilStatus(proposalIds: readonly string[], status: string): Promise<void> {
    const counted = () =>
      this.shop.query('SELECT status, count(*)::int FROM exequatur.proposal WHERE id = ANY ($1) GROUP BY status', [proposalIds]);
    await expect.poll(counted, { interval: 20 }).toEqual([{ status, count: proposalIds.length }]);
  }

  /** Everything that a dimmed lamp leaves behind is there, and there once. */
  async expectExecutedOnce(proposalIds: readonly string[]): Promise<void> {
    await this.untilStatus(proposalIds, 'executed');
    const happened = [
      'proposal.approved',
      'proposal.created',
      'proposal.executed',
      'proposal.executing',
      'proposal.simulated',
      'review.recorded',
    ];
    for (const id of proposalIds) {
      expect(await this.shop.outcome(id)).toBe('executed');
      expect(await this.shop.traces(id)).toEqual({ executions: 1, history: 1, executedEvents: 1, plans: 1 });
      expect(await this.typesIn('outbox', id)).toEqual(['object.changes', ...happened]);
      expect(await this.typesIn('audit_entry', id)).toEqual(happened);
    }
    await this.expectWholeChain();
  }

  private async typesIn(table: 'outbox' | 'audit_entry', proposalId: string): Promise<string[]> {
    const rows = await this.shop.query<{ type: string }>(`SELECT type FROM exequatur.${table} WHERE proposal_id = $1 ORDER BY type`, [
      proposalId,
    ]);
    // A review that is sent again after its answer was lost is refused, and that is on record.
    return rows.map(({ type }) => type).filter((type) => type !== 'decision.refused');
  }

  private async expectWholeChain(): Promise<void> {
    const broken = await this.shop.query(
      `SELECT * FROM (
         SELECT seq, row_number() OVER chain AS place, previous_hash, coalesce(lag(hash) OVER chain, decode(repeat('00', 32), 'hex')) AS hash_before
           FROM exequatur.audit_entry WHERE tenant_id = $1 WINDOW chain AS (ORDER BY seq)) entry
        WHERE seq <> place OR previous_hash <> hash_before`,
      [this.shop.tenant],
    );
    expect(broken).toEqual([]);
  }
}
