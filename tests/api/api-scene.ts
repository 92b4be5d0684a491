import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type CryptoKey, createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type pg from 'pg';
import { type AdmissionLimits, ordinaryLimits } from '../../api/admission.ts';
import { ApiContext } from '../../api/api-context.ts';
import { createHttpServer, type Patience } from '../../api/http-server.ts';
import { openApiDocument } from '../../api/open-api.ts';
import type { StreamLimits } from '../../api/open-streams.ts';
import { routes } from '../../api/routes.ts';
import { openWorkflowGateway } from '../../api/workflow-gateway.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { openPool } from '../../store/connect.ts';
import { DatabaseProbe } from '../../store/database-probe.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { SecretBox } from '../../store/secret-box.ts';
import { StatusWatch } from '../../store/status-watch.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { openRegistry } from '../../telemetry/metrics.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { checkAgainstContract } from './contract-check.ts';

export const issuer = 'https://issuer.test';
export const audience = 'exequatur-test';
const operatorAudience = 'exequatur-test-operators';
const nowhere = '127.0.0.1:1'; // Nothing listens on port 1: Temporal as it is when it is away.

export interface Answer {
  status: number;
  headers: Headers;
  mediaType: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked against the OpenAPI document as they arrive; tests then read what they expect.
  body: any;
}

export interface Call {
  headers?: Record<string, string>;
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Uint8Array;
  /** Null sends none. */
  token?: string | null;
}

export interface Person {
  id: string;
  kind?: 'user' | 'agent' | 'service';
  roles?: readonly string[];
  tenant?: string;
}

interface SceneWishes {
  temporal?: string;
  taskQueue?: string;
  simulationPatienceMs?: number;
  suspiciousMs?: number;
  limits?: AdmissionLimits;
  engineLimits?: AdmissionLimits;
  streamLimits?: Partial<StreamLimits>;
  /** With clients that send slowly. */
  patience?: Patience;
  /** Hears each line of the log, which is silent otherwise. */
  onLogLine?: (line: Record<string, unknown>) => void;
}

/** The API on a port of its own over a database of its own, called over HTTP by whoever a test wants to be. Every answer is checked against the OpenAPI document. */
export class ApiScene {
  readonly database: TestDatabase;
  readonly tenant: string;
  readonly url: string;
  readonly pool: pg.Pool;
  readonly context: ApiContext;
  private readonly key: CryptoKey;
  private readonly server: Server;
  private readonly connections = new Set<Socket>();

  private constructor(parts: {
    database: TestDatabase;
    tenant: string;
    pool: pg.Pool;
    key: CryptoKey;
    context: ApiContext;
    server: Server;
  }) {
    this.database = parts.database;
    this.tenant = parts.tenant;
    this.pool = parts.pool;
    this.key = parts.key;
    this.context = parts.context;
    this.server = parts.server;
    this.server.on('connection', (connection) => {
      this.connections.add(connection);
      connection.once('close', () => this.connections.delete(connection));
    });
    this.url = `http://127.0.0.1:${(parts.server.address() as AddressInfo).port}`;
  }

  static async open({
    temporal = nowhere,
    taskQueue = 'nobody',
    simulationPatienceMs = 5_000,
    suspiciousMs,
    patience,
    onLogLine,
    limits,
    engineLimits = { ...ordinaryLimits, atOnce: 1_000 }, // Nothing ends in an engine that is not there.
    streamLimits,
  }: SceneWishes = {}): Promise<ApiScene> {
    const database = await createTestDatabase();
    const tenant = await database.createTenant();
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA' };
    const logger = openLogger('test-api', onLogLine && { write: (line) => onLogLine(JSON.parse(line)) });
    if (onLogLine !== undefined) logger.level = 'info';
    const pool = openPool(database.urls.api);
    const settings = { TEMPORAL_ADDRESS: temporal, TEMPORAL_NAMESPACE: 'default', EXEQUATUR_TASK_QUEUE: taskQueue };
    const context = new ApiContext({
      pool,
      probe: new DatabaseProbe(database.urls.api, 'test-api-probe'),
      watch: new StatusWatch(pool),
      simulationPatienceMs,
      ...(suspiciousMs === undefined ? {} : { suspiciousMs }),
      ...(limits ? { limits } : {}),
      engineLimits,
      ...(streamLimits ? { streamLimits } : {}),
      logger,
      workflows: openWorkflowGateway(settings, { tracing: { plugins: [] }, logger }),
      deps: { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) },
      tokens: { keys: { getKey: createLocalJWKSet({ keys: [jwk] }) }, issuer, audience, now: Date.now },
      operatorTokens: { keys: { getKey: createLocalJWKSet({ keys: [jwk] }) }, issuer, audience: operatorAudience, now: Date.now },
      witnesses: [],
      secrets: new SecretBox([Buffer.alloc(32, 7).toString('base64')]),
      registry: openRegistry('test-api'),
      openApi: () => JSON.stringify(openApiDocument(routes)),
      workflowPages: { url: 'http://temporal-ui.test', namespace: 'default' },
    });
    const server = createHttpServer(context, patience);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ApiScene({ database, tenant, pool, key: privateKey, context, server });
  }

  token({ id, kind = 'user', roles = [id.replace(/-\d+$/, '')], tenant = this.tenant }: Person, lifetime = '1h'): Promise<string> {
    return new SignJWT({ tenant, kind, roles: [...roles] })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
      .setSubject(id)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(lifetime)
      .sign(this.key);
  }

  /** For an operator of the installation, or as such tokens must not be. */
  operatorToken({ kind = 'user', aud = operatorAudience }: { kind?: string; aud?: string } = {}): Promise<string> {
    return new SignJWT({ kind })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
      .setSubject('op-1')
      .setIssuer(issuer)
      .setAudience(aud)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(this.key);
  }

  /** What one person can do. */
  as(person: Person) {
    const token = this.token(person);
    const call = async (method: string, path: string, more: Call = {}) => this.call(method, path, { token: await token, ...more });
    return {
      call,
      get: (path: string, more: Call = {}) => call('GET', path, more),
      put: (path: string, body: unknown) => call('PUT', path, { body }),
      post: (path: string, body?: unknown, headers: Record<string, string> = {}) => call('POST', path, { body, headers }),
      propose: (actionType: string, parameters: JsonValue, headers: Record<string, string> = {}) =>
        call('POST', '/v1/proposals', { body: { actionType, parameters, justification: 'because' }, headers }),
      review: (proposal: { id: string; planDigest: string | null }, decision = 'approve') =>
        call('POST', `/v1/proposals/${proposal.id}/reviews`, {
          body: { decision, reason: 'looked at it' },
          headers: { 'if-match': `"${proposal.planDigest}"` },
        }),
    };
  }

  async call(method: string, path: string, { headers = {}, body, raw, token = null }: Call = {}): Promise<Answer> {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content }),
    });
    const text = await response.text();
    const mediaType = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const answer = {
      status: response.status,
      headers: response.headers,
      mediaType,
      body: /[/+]json$/.test(mediaType) ? JSON.parse(text) : text,
    };
    checkAgainstContract(method, path, answer, { url: response.url, headers, content });
    return answer;
  }

  /** Reads a proposal until it is in one of these states. */
  async until(proposalId: string, ...statuses: string[]): Promise<Answer['body']> {
    const reader = this.as({ id: 'auditor-1' });
    const deadline = Date.now() + 60_000; // It ends as soon as the proposal is there, however busy the machine.
    for (;;) {
      const { body } = await reader.get(`/v1/proposals/${proposalId}`);
      if (statuses.includes(body.status)) return body;
      if (Date.now() > deadline) throw new Error(`proposal ${proposalId} is still ${body.status}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** What was written and has not been taken, over all connections. */
  unsentBytes(): number {
    return [...this.connections].reduce((sum, { writableLength }) => sum + writableLength, 0);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.context.settle();
    await this.context.resources.workflows.close();
    await this.context.resources.probe.end();
    await this.pool.end();
    await this.database.drop();
  }
}
