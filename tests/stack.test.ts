import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flightNetwork } from '../examples/flight-network/ontology.ts';
import { identify } from '../scripts/bootstrap/process-identity.mjs';
import { propose, review, untilExecuted } from '../scripts/rest/carry-proposal.ts';
import type { OntologyObject, Proposal } from '../scripts/rest/proposal.ts';
import { expectGood, restClient } from '../scripts/rest/rest-client.ts';
import type { Stack } from '../scripts/stack/start-stack.ts';

const root = dirname(import.meta.dirname);
const startTimeoutMs = 240_000; // Database, Temporal and three processes from source, while other tests run.

/** What the owner of a stack prints once it is up. */
type Up = Pick<Stack, 'apiUrl' | 'tenants'> & { pids: number[] };

let directory: string;
const owners: ChildProcess[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'stack-'));
});
afterAll(async () => {
  for (const owner of owners) await stop(owner, 'SIGTERM');
  rmSync(directory, { recursive: true, force: true });
});

/** A process of its own that holds a stack, as `npm run dev` does, so that it can be killed. */
async function startOwner(): Promise<{ owner: ChildProcess; up: Up }> {
  const file = join(directory, 'owner.mts');
  writeFileSync(
    file,
    `import { startStack } from ${JSON.stringify(join(root, 'scripts/stack/start-stack.ts'))};
     const stack = await startStack({ directory: ${JSON.stringify(join(directory, 'state'))}, tenants: [{ slug: 'kept', name: 'Kept' }], functions: ${JSON.stringify(join(root, 'examples/flight-network/functions.ts'))} });
     process.on('SIGTERM', () => stack.stop().then(() => process.exit(0)));
     const pids = Object.values(stack.processes).map((one) => one.pid());
     console.log(JSON.stringify({ apiUrl: stack.apiUrl, tenants: stack.tenants, pids }));`,
  );
  const owner = spawn(process.execPath, ['--import', 'tsx', file], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  owners.push(owner);
  const lines = createInterface({ input: owner.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), once(owner, 'exit')])) as [unknown];
  if (typeof line !== 'string') throw new Error('The stack did not start; its owner has said why on stderr.');
  return { owner, up: JSON.parse(line) as Up };
}

async function stop(owner: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (owner.exitCode !== null || owner.signalCode !== null) return;
  const ended = once(owner, 'exit');
  owner.kill(signal);
  await ended;
}

function clientOf({ apiUrl, tenants }: Up, principal: string) {
  return restClient(apiUrl, tenants[0]?.tokens[principal]?.token ?? '');
}

const state = (name: string) => readFileSync(join(directory, 'state', name), 'utf8');

/** The server alone: its backends find out by themselves. */
function killPostgres(): void {
  process.kill(Number.parseInt(state('postgres/postmaster.pid'), 10), 'SIGKILL');
}

/** The server with the shell that holds its leash. */
function killTemporal(): void {
  process.kill(-Number.parseInt(state('temporal.db.pid'), 10), 'SIGKILL');
}

/** As a client does that is told to come again: what was accepted before has the same idempotency key. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(200);
    }
  }
}

describe('a stack', () => {
  it(
    'goes on where it stood after a kill -9 of everything, brings its servers back when they are killed, and ends whole when asked',
    async () => {
      const first = await startOwner();
      const admin = clientOf(first.up, 'ontology-admin-1');
      expectGood(await admin.put('/v1/ontology', flightNetwork), 'PUT /v1/ontology');
      const airport = { iata: 'ORD', name: "Chicago O'Hare", country: 'USA', latitude: 41.98, longitude: -87.9 };
      const request = { actionType: 'importNetwork', parameters: { airports: [airport] }, justification: 'One airport.' };
      const proposal = await propose(admin, request, 'one-airport');
      expect(proposal.status).toBe('awaiting_approval');

      await stop(first.owner, 'SIGKILL');
      // Nobody is left to end them but themselves.
      for (const pid of first.up.pids) await expect.poll(() => identify(pid)).toBeUndefined();

      const second = await startOwner();
      const reader = clientOf(second.up, 'ontology-admin-1');
      const found = expectGood(await reader.get<Proposal>(`/v1/proposals/${proposal.id}`), 'Reading the proposal');
      expect(found).toMatchObject({ status: 'awaiting_approval', planDigest: proposal.planDigest });
      expectGood(await review(clientOf(second.up, 'ontology-admin-2'), found, 'approve', 'Known.'), 'Approving');
      await untilExecuted(reader, proposal.id);
      const object = expectGood(await reader.get<OntologyObject>('/v1/objects/airport/ORD'), 'Reading the airport');
      expect(object.properties).toMatchObject({ ...airport, status: 'open' });

      for (const kill of [killPostgres, killTemporal]) {
        kill();
        const code = kill === killPostgres ? 'JFK' : 'LGA';
        const more = { ...request, parameters: { airports: [{ ...airport, iata: code }] } };
        const next = await retried(() => propose(clientOf(second.up, 'ontology-admin-1'), more, `one-more-${code}`));
        await retried(async () => expectGood(await review(clientOf(second.up, 'ontology-admin-2'), next, 'approve', 'Back.'), 'Approving'));
        await untilExecuted(reader, next.id);
      }

      await stop(second.owner, 'SIGTERM');
      expect(second.owner.exitCode).toBe(0);
      for (const pid of second.up.pids) expect(identify(pid)).toBeUndefined();
    },
    2 * startTimeoutMs,
  );
});
