import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { vi } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import { freePort } from '../../scripts/processes/free-port.ts';
import { type KillableProcess, startKillable } from './killable-process.ts';

const issuer = 'https://issuer.test';
const audience = 'test';
const patience = { timeout: 180_000, interval: 20 }; // A busy machine takes its time to start a process.
const pauseMs = 100; // Between a request that found nobody and the same one again.

export interface HeardAnswer {
  status: number;
  /** The header Retry-After. */
  retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  body: any;
  /** How often it was sent in vain before. */
  unheard: number;
}

export interface ApiWishes {
  databaseUrl: string;
  temporal: string;
  taskQueue: string;
  tenant: string;
  count?: number;
  more?: Record<string, string>;
  /** Hears everything they print. */
  onLine?: (line: string) => void;
}

export interface Sending {
  headers?: Record<string, string>;
  /** To which process first. */
  to?: number;
  /** In place of the caller's own. */
  token?: string;
}

/** The API as it is deployed, in processes of its own, and people who send again, to the next of them, what got no answer or was told to come again. */
export class ApiProcesses {
  readonly processes: KillableProcess[];
  readonly urls: string[];
  /** Answers 503 that were followed by the same request again. */
  readonly turnedAway: Omit<HeardAnswer, 'unheard'>[] = [];
  private readonly tenant: string;
  private readonly key: CryptoKey;
  private readonly directory: string;
  private readonly tokens = new Map<string, Promise<string>>();

  private constructor(parts: { processes: KillableProcess[]; urls: string[]; tenant: string; key: CryptoKey; directory: string }) {
    this.processes = parts.processes;
    this.urls = parts.urls;
    this.tenant = parts.tenant;
    this.key = parts.key;
    this.directory = parts.directory;
  }

  static async open({ databaseUrl, temporal, taskQueue, tenant, count = 1, more = {}, onLine }: ApiWishes): Promise<ApiProcesses> {
    const directory = mkdtempSync(join(tmpdir(), 'api-processes-'));
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const jwks = join(directory, 'jwks.json');
    writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA' }] }));
    const ports: number[] = [];
    for (let n = 0; n < count; n++) ports.push(await freePort(0, new Set(ports)));
    const env = {
      EXEQUATUR_API_DATABASE_URL: databaseUrl,
      EXEQUATUR_JWT_ISSUER: issuer,
      EXEQUATUR_JWT_AUDIENCE: audience,
      EXEQUATUR_JWKS_FILE: jwks,
      TEMPORAL_ADDRESS: temporal,
      EXEQUATUR_TASK_QUEUE: taskQueue,
      ...more,
    };
    const processes = ports.map((port) => startKillable('api', 'api/server.ts', { ...env, EXEQUATUR_PORT: String(port) }, onLine));
    const apis = new ApiProcesses({ processes, urls: ports.map((port) => `http://127.0.0.1:${port}`), tenant, key: privateKey, directory });
    for (const url of apis.urls) await vi.waitFor(() => untilUp(url), patience);
    return apis;
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    rmSync(this.directory, { recursive: true });
  }

  /** Sent until somebody answers it. */
  async post(path: string, caller: Caller, body: object, { headers = {}, to = 0 }: Sending = {}): Promise<HeardAnswer> {
    for (let unheard = 0; ; unheard++) {
      const answer = await this.once('POST', path, caller, { body, headers, to: to + unheard });
      if (answer !== null && answer.status !== 503) return { ...answer, unheard };
      if (answer !== null) this.turnedAway.push(answer);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Sent once. Null where nobody answered. */
  async once(
    method: string,
    path: string,
    caller: Caller,
    { body, headers = {}, to = 0, token }: Sending & { body?: object } = {},
  ): Promise<Omit<HeardAnswer, 'unheard'> | null> {
    const request = {
      method,
      headers: { authorization: `Bearer ${token ?? (await this.tokenOf(caller))}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    try {
      const answer = await fetch(`${this.urls[to % this.urls.length]}${path}`, request);
      return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() };
    } catch {
      return null;
    }
  }

  /** A token of an hour. */
  signedToken({ id, kind, roles }: Caller, issuedAtMs: number): Promise<string> {
    const issuedAt = Math.floor(issuedAtMs / 1_000);
    return new SignJWT({ tenant: this.tenant, kind, roles: [...roles] })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
      .setSubject(id)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + 3_600)
      .sign(this.key);
  }

  /** One token per person. */
  private tokenOf(caller: Caller): Promise<string> {
    const { id } = caller;
    let token = this.tokens.get(id);
    if (token === undefined) {
      token = this.signedToken(caller, Date.now());
      this.tokens.set(id, token);
    }
    return token;
  }
}

async function untilUp(url: string): Promise<void> {
  if (!(await fetch(`${url}/livez`)).ok) throw new Error('the API does not live');
}
