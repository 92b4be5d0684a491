import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const root = dirname(import.meta.dirname);
const patience = { timeout: 60_000, interval: 20 };

let clone: string;
beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), 'interrupted-'));
  for (const part of ['package.json', 'package-lock.json', 'scripts', 'verifier'])
    cpSync(join(root, part), join(clone, part), { recursive: true });
});
afterAll(() => rmSync(clone, { recursive: true, force: true }));

it.runIf(process.platform === 'linux')(
  'Ctrl-C during the first installation ends what installs, and the next command begins anew',
  async () => {
    const first = startDemo();
    await vi.waitFor(() => expect(existsSync(join(clone, 'node_modules'))).toBe(true), patience);
    expect(runningIn(clone).length).toBeGreaterThan(1);
    await interrupt(first);

    const next = startDemo();
    await vi.waitFor(() => expect(next.said()).toContain('installing npm packages'), patience);
    expect(next.said()).not.toContain('waiting for another process');
    await interrupt(next);
  },
);

async function interrupt({ command }: Started): Promise<void> {
  command.kill('SIGINT');
  expect(await once(command, 'exit')).toEqual([130, null]);
  await vi.waitFor(() => expect(runningIn(clone)).toEqual([]), patience);
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
