import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, isRunning } from '../bootstrap/process-identity.mjs';

const selfEndMs = 3_000;

/** PostgreSQL believes any living process of its user to be the server; after a restart of the machine that may be another program. */
export function removeStalePid(directory: string): void {
  const [pid] = readPidFile(directory);
  if (pid !== undefined && !isPostmasterOf(directory, pid)) rmSync(join(directory, 'postmaster.pid'), { force: true });
}

/** A server whose owner was killed ends by itself within moments; one that does not is asked to, and its transactions are rolled back. */
export async function endPreviousServer(directory: string): Promise<void> {
  const [pid] = readPidFile(directory);
  if (pid === undefined || !isPostmasterOf(directory, pid)) return;
  const identity = identify(pid);
  const deadline = Date.now() + selfEndMs;
  while (identity && isRunning(identity)) {
    if (Date.now() > deadline) process.kill(pid, 'SIGINT');
    await delay(100);
  }
}

function readPidFile(directory: string): (number | undefined)[] {
  try {
    const lines = readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n');
    return lines.map((line) => (/^\d+$/.test(line.trim()) ? Number(line) : undefined));
  } catch {
    return [];
  }
}

function isPostmasterOf(directory: string, pid: number): boolean {
  return commandLine(pid).includes(directory);
}

function commandLine(pid: number): string {
  if (process.platform !== 'linux') return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
