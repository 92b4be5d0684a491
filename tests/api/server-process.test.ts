import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../scripts/processes/free-port.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const directory = mkdtempSync(join(tmpdir(), 'api-process-'));
const jwks = join(directory, 'jwks.json');
let database: TestDatabase;
let key: CryptoKey;
const running: ChildProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  key = privateKey;
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'development', alg: 'EdDSA' }] }));
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await database?.drop();
  rmSync(directory, { recursive: true });
});

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'api/server.ts'], {
    env: {
      ...process.env,
      LOG_LEVEL: 'info',
      EXEQUATUR_API_DATABASE_URL: database.urls.api,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      EXEQUATUR_JWT_ISSUER: 'https://issuer.test',
      EXEQUATUR_JWT_AUDIENCE: 'test',
      EXEQUATUR_JWKS_FILE: jwks,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => lines.push(String(text)));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, ended, output: () => lines.join('') };
}

async function untilAnswered(url: string, status: number): Promise<Response> {
  const deadline = Date.now() + 120_000; // Of a machine that is busy.
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.status === status) return answer;
    if (Date.now() > deadline) throw new Error(`the API does not answer ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('the API process', () => {
  it('does not start with development keys that nobody asked for, and says what is missing', async () => {
    const refused = start({ EXEQUATUR_PORT: String(await freePort()) });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain('EXEQUATUR_DEVELOPMENT_KEYS=true');
    const incomplete = start({ EXEQUATUR_JWT_ISSUER: '' });
    expect(await incomplete.ended).toBe(1);
    expect(incomplete.output()).toContain('EXEQUATUR_JWT_ISSUER');
    expect(refused.output() + incomplete.output()).not.toContain(database.urls.api);
  });

  it('warns loudly of development keys, serves while Temporal is away, and ends in good order when told to', async () => {
    const port = await freePort();
    const api = start({ EXEQUATUR_PORT: String(port), EXEQUATUR_DEVELOPMENT_KEYS: 'true' });
    const url = `http://127.0.0.1:${port}`;
    const ready = await untilAnswered(url, 200);
    expect(await ready.json()).toEqual({ database: 'ok', temporal: 'away' });
    expect(api.output()).toContain('DEVELOPMENT KEYS ARE IN USE');

    const page = await fetch(`${url}/docs`);
    const html = await page.text();
    expect(await fetch(`${url}/docs/`).then((answer) => answer.text())).toBe(html);
    expect(html).not.toMatch(/(src|href)="https?:/);
    for (const [, asset = ''] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      const answer = await fetch(`${url}${asset}`);
      await answer.arrayBuffer();
      expect(answer.status, asset).toBe(200);
    }
    expect((await fetch(`${url}/openapi.json`).then((answer) => answer.json())) as object).toMatchObject({ openapi: '3.1.1' });
    await fetch(`${url}/v1/proposals/x?secret=1`);
    const metrics = await fetch(`${url}/metrics`).then((answer) => answer.text());
    expect(metrics).toMatch(
      /exequatur_http_request_duration_seconds_count\{[^}]*route="\/v1\/proposals\/:proposalId"[^}]*status="401"[^}]*\} 1/,
    );

    api.child.kill('SIGTERM');
    expect(await api.ended).toBe(0);
    expect(api.output()).not.toContain('secret=1');
  });

  it('says that it is not ready while the database is away, and answers calls with a problem that tells nothing of it', async () => {
    const port = await freePort();
    const nowhere = 'postgresql://somebody:a-secret@127.0.0.1:1/database';
    const api = start({ EXEQUATUR_PORT: String(port), EXEQUATUR_DEVELOPMENT_KEYS: 'true', EXEQUATUR_API_DATABASE_URL: nowhere });
    const url = `http://127.0.0.1:${port}`;
    expect(await (await untilAnswered(url, 503)).json()).toEqual({ database: 'away', temporal: 'away' });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const token = await new SignJWT({ tenant: randomUUID(), kind: 'user', roles: ['keeper'] })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'development' })
      .setSubject('kim')
      .setIssuer('https://issuer.test')
      .setAudience('test')
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(key);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const proposal = JSON.stringify({ actionType: 'a', parameters: {}, justification: 'x' });
    for (const answer of [
      await fetch(`${url}/v1/proposals`, { headers }),
      await fetch(`${url}/v1/proposals`, { method: 'POST', headers, body: proposal }),
    ]) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      const text = await answer.text();
      expect(JSON.parse(text)).toMatchObject({ code: 'temporarily_unavailable' });
      expect(text).not.toMatch(/127\.0\.0\.1|somebody|ECONN/);
    }
    api.child.kill('SIGTERM');
    expect(await api.ended).toBe(0);
    expect(api.output()).not.toContain('a-secret');
  });
});
