// A witness that takes some logs and not others, in front of a real one; a database of its own: tests/support/database.ts.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WitnessAway } from '../../events/ask-witness.ts';
import { sealLogs } from '../../events/seal-logs.ts';
import { type SubmitDeps, submitCheckpoints } from '../../events/submit-checkpoints.ts';
import { openPool } from '../../store/connect.ts';
import { withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { tell } from '../events/event-scene.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';
import { newSigner } from './evidence-scene.ts';

const signer = newSigner();
const logger = openLogger('test');
let fixture: Fixture;
let relay: pg.Pool;
let witness: WitnessProcess;
let front: Server;
let declines: string;
let status = 403;
beforeAll(async () => {
  fixture = await openFixture();
  relay = openPool(fixture.database.urls.relay, { max: 4 });
  witness = await startWitness(signer.verifierKey);
  front = createServer((request, response) => void pass(request, response)).listen(0, '127.0.0.1');
});
afterAll(async () => {
  front?.close();
  await relay?.end();
  await Promise.all([witness?.remove(), fixture?.close()]);
});

async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const piece of request) body += piece;
  if (body.includes(declines)) return void response.writeHead(status).end();
  const answer = await fetch(`${witness.url}${request.url}`, { method: 'POST', body });
  response.writeHead(answer.status).end(await answer.text());
}

it('a log that a witness does not take keeps no other from being cosigned, and is asked about again later', async () => {
  const tenants = [fixture.tenant, await fixture.database.createTenant(), await fixture.database.createTenant()];
  for (const tenant of tenants) await withTenant(fixture.api, tenant, async (tx) => tell(tx, 'a', { turn: 0 }));
  await sealLogs({ pool: relay, signers: [signer], logger });
  declines = tenants[1] ?? '';
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  const deps: SubmitDeps = { pool: relay, witness: { url, key: witness.key }, logger, forks: new Map(), declined: new Map() };
  const others = tenants.length - 1;
  expect((await submitCheckpoints(deps)).cosigned).toBeGreaterThanOrEqual(others);
  expect([...deps.declined.keys()]).toEqual([declines]);
  expect(deps.forks.size).toBe(0); // It says nothing of a fork.
  const declined = declines;
  declines = 'nobody';
  expect((await submitCheckpoints(deps)).cosigned).toBe(0); // Not at once,
  deps.declined.set(declined, 0);
  expect((await submitCheckpoints(deps)).cosigned).toBe(1); // but a minute later.
  expect(deps.declined.size).toBe(0);
});

it.each([429, 502, 503, 504])('a witness that answers %i counts as away: no log rests for that', async (busy) => {
  const { tenant } = fixture;
  await withTenant(fixture.api, tenant, async (tx) => tell(tx, 'a', { turn: busy }));
  await sealLogs({ pool: relay, signers: [signer], logger });
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  const deps: SubmitDeps = { pool: relay, witness: { url, key: witness.key }, logger, forks: new Map(), declined: new Map() };
  [declines, status] = [tenant, busy];
  await expect(submitCheckpoints(deps)).rejects.toThrow(WitnessAway);
  expect(deps.declined.size).toBe(0);
  declines = 'nobody';
  expect((await submitCheckpoints(deps)).cosigned).toBe(1); // As soon as it has time.
});
