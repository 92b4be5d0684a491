import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const root = dirname(import.meta.dirname);
const startTimeoutMs = 240_000; // Everything from source, and the whole network for two tenants, while other tests run.

let folder: string;
let state: string;
let ready: string;
let dev: ChildProcess;

/** `npm run dev -- --fresh`, over what an earlier version may have left, in a directory that it can be ended in. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'readme-'));
  state = join(folder, '.exequatur');
  ready = join(state, 'ready.json');
  for (const name of ['postgres', 'kafka/logs']) mkdirSync(join(state, name), { recursive: true });
  writeFileSync(join(state, 'postgres', 'PG_VERSION'), '1\n');
  writeFileSync(join(state, 'temporal.db'), 'no database');
  writeFileSync(ready, '{}');
  dev = spawn(process.execPath, ['scripts/bootstrap.mjs', 'scripts/dev.ts', '--fresh', '--state', state], { cwd: root, stdio: 'ignore' });
  await vi.waitFor(() => expect(existsSync(ready)).toBe(false), { timeout: startTimeoutMs });
  await vi.waitFor(() => expect(existsSync(ready) || dev.exitCode !== null).toBe(true), { timeout: startTimeoutMs, interval: 200 });
}, startTimeoutMs);
afterAll(async () => {
  if (dev.exitCode === null) dev.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The shell commands of one section, as somebody who reads from top to bottom would enter them. */
function commandsOf(heading: string): string {
  const section = readFileSync(join(root, 'README.md'), 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`));
  const blocks = [...(section ?? '').matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]);
  if (blocks.length === 0) throw new Error(`README.md has no commands under "${heading}"`);
  return blocks.join('\n');
}

/** Ends each answer with a line break, so that answers printed one after another can be told apart. */
const tellApart = 'curl() { command curl "$@" && echo; }\n';

describe('the commands of README.md', () => {
  it('propose a change, approve exactly its plan, and show it executed', async () => {
    const script = `${tellApart}${commandsOf('Propose and approve')}cat "$PROPOSAL"; rm "$PROPOSAL"`;
    // Bash takes a socket for its input, which Node gives it, for a login over the network, and reads the machine's bashrc, which may not bear -u.
    const options = ['--norc', '-eu', '-o', 'pipefail'];
    const { stdout, stderr } = await promisify(execFile)('bash', [...options, '-c', script], { cwd: folder, timeout: startTimeoutMs });
    expect(stderr).toBe('');
    const [plan, reviewed, executed, history, proposal, ...more] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(more).toEqual([]);
    expect(readdirSync(folder)).toEqual(['.exequatur']);
    expect(proposal).toMatchObject({
      status: 'awaiting_approval',
      planDigest: expect.stringMatching(/^sha256:/),
      planSummary: { edits: { modify: 1 } },
    });
    expect(plan).toMatchObject({ edits: [{ op: 'modify', type: 'flight', id: '00017', set: { delayReason: 'crew late' } }] });
    expect(reviewed).toMatchObject({
      decision: 'approve',
      reviewer: { id: 'duty-manager-1' },
      digest: proposal.planDigest,
      proposal: { id: proposal.id, status: 'approved', missing: '' },
    });
    expect(executed).toMatchObject({ id: proposal.id, status: 'executed', execution: { edits: 1 } });
    expect(history).toMatchObject({
      history: [
        { op: 'modify', before: { delay: 23 }, set: { delay: 68, delayReason: 'crew late' }, proposalId: proposal.id },
        { op: 'create', actionType: 'importNetwork' },
      ],
    });
  });

  it('end, on Ctrl-C, everything that npm run dev has started, and leave the state', async () => {
    const { apiUrl, temporalUiUrl, postgresUrls } = JSON.parse(readFileSync(ready, 'utf8'));
    const places = [apiUrl, temporalUiUrl, `http://127.0.0.1:${new URL(postgresUrls.superuser).port}`];
    expect(await Promise.all(places.slice(0, 2).map(listens))).toEqual([true, true]);
    dev.kill('SIGINT');
    const [code] = await once(dev, 'exit');
    expect(code).toBe(0);
    expect(await Promise.all(places.map(listens))).toEqual([false, false, false]);
    expect(existsSync(ready)).toBe(false);
    expect(readdirSync(state)).toEqual(expect.arrayContaining(['postgres', 'temporal.db', 'keys']));
  });
});

async function listens(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    (error) => error.cause?.code !== 'ECONNREFUSED',
  );
}
