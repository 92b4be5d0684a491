// Whoever follows events loses none with a process; a database of its own: tests/support/database.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CloudEvent } from '../../../ontology/cloud-event.ts';
import { freePort } from '../../../scripts/processes/free-port.ts';
import { announceChange } from '../../../store/announce-change.ts';
import { type Fixture, openFixture } from '../../store/fixture.ts';
import { EventFollower } from '../../support/event-follower.ts';
import { type KillableProcess, startKillable } from '../../support/killable-process.ts';

const [issuer, audience] = ['https://issuer.test', 'test'];
const patience = { timeout: 60_000, interval: 20 };
const directory = mkdtempSync(join(tmpdir(), 'followed-events-'));
let fixture: Fixture;
let key: CryptoKey;
const processes: { api: KillableProcess; url: string }[] = [];

beforeAll(async () => {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  key = pair.privateKey;
  const jwks = join(directory, 'jwks.json');
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'test', alg: 'EdDSA' }] }));
  fixture = await openFixture();
  for (let number = 0; number < 2; number++) {
    const port = await freePort();
    const api = startKillable(`api-${number}`, 'api/server.ts', {
      EXEQUATUR_API_DATABASE_URL: fixture.database.urls.api,
      EXEQUATUR_PORT: String(port),
      EXEQUATUR_JWT_ISSUER: issuer,
      EXEQUATUR_JWT_AUDIENCE: audience,
      EXEQUATUR_JWKS_FILE: jwks,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    processes.push({ api, url: `http://127.0.0.1:${port}` });
  }
});
afterAll(async () => {
  await Promise.all(processes.map(({ api }) => api.stop()));
  await fixture?.close();
  rmSync(directory, { recursive: true });
});

const isUp = async (url: string) => (await fetch(`${url}/livez`).catch(() => null))?.ok ?? false;

const happen = (name: string) =>
  fixture.inApi(async (tx) =>
    announceChange(tx, { type: 'freeze_window.changed', subject: `freeze-window/${name}`, facts: { name, change: 'set' }, personal: {} }),
  );

it('a follower whose process is killed with kill -9 goes on at another, with nothing missing and nothing twice', {
  timeout: 120_000,
}, async () => {
  const token = await new SignJWT({ tenant: fixture.tenant, kind: 'user', roles: ['auditor'] })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
    .setSubject('auditor-1')
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(key);
  for (const { url } of processes) await expect.poll(() => isUp(url), patience).toBe(true);
  const heard: CloudEvent[] = [];
  let follower = await EventFollower.open({ url: processes[0]?.url ?? '', token });
  await expect.poll(() => follower.lastId, patience).toBeDefined();
  const names = Array.from({ length: 200 }, (_, number) => `w${number}`);
  const written = (async () => {
    for (const name of names) await happen(name);
  })();
  for (const [at, { api }] of processes.entries()) {
    await expect.poll(() => follower.heard.length, patience).toBeGreaterThan(5);
    api.kill();
    await follower.ended.catch(() => {});
    heard.push(...follower.heard);
    const next = processes[1 - at]?.url ?? '';
    await expect.poll(() => isUp(next), patience).toBe(true);
    follower = await EventFollower.open({ url: next, token, ...(follower.lastId === undefined ? {} : { lastEventId: follower.lastId }) });
  }
  await written;
  await expect.poll(() => heard.length + follower.heard.length, patience).toBeGreaterThanOrEqual(names.length);
  expect([...heard, ...follower.heard].map(({ subject }) => subject)).toEqual(names.map((name) => `freeze-window/${name}`));
  follower.cut();
});
