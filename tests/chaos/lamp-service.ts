import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import { expect } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import { freePort } from '../../scripts/processes/free-port.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { agent, keeper } from '../workflows/lamps.ts';

const issuer = 'https://issuer.test';
const audience = 'test';
const nowhere = '127.0.0.1:1'; // Nothing listens on port 1: Temporal as it is when it is away.
const patience = { timeout: 30_000, interval: 20 };

export interface HeardAnswer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  body: any;
  /** How often it was sent in vain before. */
  unheard: number;
}

/** The lamp shop as it is deployed, with API, worker and relay in processes of their own, and people who send again what got no answer. */
export class LampService {
  readonly shop: LampShop;
  readonly api: KillableProcess;
  readonly relay: KillableProcess;
  private readonly worker: WorkerProcess;
  private readonly url: string;
  private readonly key: CryptoKey;
  private readonly directory: string;

  private constructor(parts: {
    shop: LampShop;
    api: KillableProcess;
    relay: KillableProcess;
    worker: WorkerProcess;
    url: string;
    key: CryptoKey;
    directory: string;
  }) {
    this.shop = parts.shop;
    this.api = parts.api;
    this.relay = parts.relay;
    this.worker = parts.worker;
    this.url = parts.url;
    this.key = parts.key;
    this.directory = parts.directory;
  }

  /** With an API that cannot reach Temporal, the relay alone tells the workflows. */
  static async open({ apiReachesTemporal = true } = {}): Promise<LampService> {
    const directory = mkdtempSync(join(tmpdir(), 'lamp-service-'));
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const jwks = join(directory, 'jwks.json');
    writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA' }] }));
    const shop = await LampShop.open();
    const { urls } = shop.database;
    const port = await freePort();
    const service = new LampService({
      shop,
      key: privateKey,
      directory,
      url: `http://127.0.0.1:${port}`,
      worker: await startWorkerProcess({ databaseUrl: urls.worker, temporal: shop.temporal, taskQueue: shop.taskQueue }),
      api: startKillable('api', 'api/server.ts', {
        EXEQUATUR_API_DATABASE_URL: urls.api,
        EXEQUATUR_PORT: String(port),
        EXEQUATUR_JWT_ISSUER: issuer,
        EXEQUATUR_JWT_AUDIENCE: audience,
        EXEQUATUR_JWKS_FILE: jwks,
        TEMPORAL_ADDRESS: apiReachesTemporal ? shop.temporal : nowhere,
        EXEQUATUR_TASK_QUEUE: shop.taskQueue,
      }),
      relay: startKillable('relay', 'events/relay.ts', {
        EXEQUATUR_RELAY_DATABASE_URL: urls.relay,
        EXEQUATUR_RELAY_METRICS_PORT: '0',
        TEMPORAL_ADDRESS: shop.temporal,
        EXEQUATUR_TASK_QUEUE: shop.taskQueue,
      }),
    });
    await service.untilUp();
    return service;
  }

  async close(): Promise<void> {
    await Promise.all([this.api.stop(), this.relay.stop(), this.worker.stop()]);
    await this.shop.close();
    rmSync(this.directory, { recursive: true });
  }

  /** The agent asks for a lamp to be dimmed, under an idempotency key. */
  propose(lamp: string, level: number): Promise<HeardAnswer> {
    const body = { actionType: 'dim', parameters: { lamp, level }, justification: 'a test' };
    return this.post('/v1/proposals', agent, { 'idempotency-key': `dim-${lamp}` }, body);
  }

  async approve(proposalId: string): Promise<HeardAnswer> {
    const [plan] = await this.shop.query<{ digest: string }>('SELECT plan_digest AS digest FROM exequatur.proposal WHERE id = $1', [
      proposalId,
    ]);
    return this.post(`/v1/proposals/${proposalId}/reviews`, keeper, { 'if-match': `"${plan?.digest}"` }, { decision: 'approve' });
  }

  /** Opens a transaction that runs this statement, and returns how to let go of the locks that it took. */
  async hold(statement: string, values: unknown[] = []): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: this.shop.database.urls.superuser });
    await client.connect();
    await client.query('BEGIN');
    await client.query(statement, values);
    return () => client.end();
  }

  /** Whether a process stands in the middle of a transaction, waiting for one of these locks. */
  async isHeld(applicationName: string): Promise<boolean> {
    const rows = await this.shop.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1 AND wait_event_type = 'Lock'`,
      [`${applicationName}%`],
    );
    return rows.length > 0;
  }

  async untilStatus(proposalIds: readonly string[], status: string): Promise<void> {
    const counted = () =>
      this.shop.query('SELECT status, count(*)::int FROM exequatur.proposal WHERE id = ANY ($1) GROUP BY status', [proposalIds]);
    await expect.poll(counted, patience).toEqual([{ status, count: proposalIds.length }]);
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

  private async post(path: string, caller: Caller, headers: Record<string, string>, body: object): Promise<HeardAnswer> {
    const authorization = `Bearer ${await this.tokenOf(caller)}`;
    const request = {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    };
    for (let unheard = 0; ; unheard++) {
      try {
        const answer = await fetch(`${this.url}${path}`, request);
        return { status: answer.status, body: await answer.json(), unheard };
      } catch {
        await this.untilUp();
      }
    }
  }

  private async untilUp(): Promise<void> {
    const isUp = () =>
      fetch(`${this.url}/livez`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(isUp, patience).toBe(true);
  }

  private tokenOf({ id, kind, roles }: Caller): Promise<string> {
    return new SignJWT({ tenant: this.shop.tenant, kind, roles: [...roles] })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
      .setSubject(id)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(this.key);
  }
}
