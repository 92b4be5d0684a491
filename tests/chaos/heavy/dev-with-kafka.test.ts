// `npm run dev -- --kafka` as a command: what it starts, what comes out of its broker, and that it ends with nothing left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { propose } from '../../../scripts/rest/carry-proposal.ts';
import { restClient } from '../../../scripts/rest/rest-client.ts';
import { kafkaClient, Notebook } from '../../support/kafka.ts';

const root = dirname(dirname(dirname(import.meta.dirname)));
const state = mkdtempSync(join(tmpdir(), 'dev-'));
const limitMs = 600_000; // It loads two tenants of a flight network first.
const patience = { timeout: limitMs, interval: 500 };
let command: ChildProcess | undefined;
afterAll(async () => {
  if (command?.exitCode === null && command.pid !== undefined) {
    process.kill(-command.pid, 'SIGTERM');
    await once(command, 'exit');
  }
  rmSync(state, { recursive: true, force: true });
}, limitMs);

function isOpen(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

it('publishes what happens to the broker that it names, and stops it on SIGINT', { timeout: 2 * limitMs }, async () => {
  const running = spawn('npm', ['run', 'dev', '--', '--kafka', '--state', state], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  command = running;
  let said = '';
  for (const stream of [running.stdout, running.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const file = join(state, 'ready.json');
  await expect.poll(() => existsSync(file) || running.exitCode !== null, patience).toBe(true);
  expect(running.exitCode, said).toBeNull();
  const { apiUrl, kafkaBrokers, tenants } = JSON.parse(readFileSync(file, 'utf8'));
  expect(said).toContain(`events are published to the topic exequatur.events on ${kafkaBrokers}`);

  const notebook = await Notebook.open('exequatur.events', kafkaClient(kafkaBrokers));
  const [tenant] = tenants;
  const client = restClient(apiUrl, tenant.tokens['ops-agent'].token);
  const request = { actionType: 'closeAirport', parameters: { airport: 'SFO', reason: 'Fog' }, justification: 'Fog' };
  const { id } = await propose(client, request, 'closing');
  const heard = () => notebook.received.filter(({ key }) => key === id).map(({ headers }) => headers.ce_type);
  await expect.poll(heard, { timeout: 300_000 }).toEqual(expect.arrayContaining(['proposal.created', 'proposal.simulated']));
  await notebook.close();

  if (running.pid !== undefined) process.kill(-running.pid, 'SIGINT');
  const [code] = (await once(running, 'exit')) as [number | null];
  expect(code, said).toBe(0);
  expect(existsSync(file)).toBe(false);
  await expect.poll(() => isOpen(kafkaBrokers)).toBe(false); // npm ends with the signal, and what it ran a little later.
});
