import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, isRunning } from '../bootstrap/process-identity.mjs';

/**
 * Ends what a killed postmaster left over its directory. A backend notices the death between two statements only, and until then it holds the shared memory,
 * which keeps the next server from starting. Its transaction is lost already; the next start recovers as after any crash. Processes of a living
 * postmaster are left alone. Found on Linux alone; elsewhere a start is tried again until they have ended by themselves.
 */
export async function endOrphanedBackends(directory: string): Promise<void> {
  const orphans = process.platform === 'linux' ? findOrphans(directory) : [];
  for (const identity of orphans) {
    try {
      process.kill(Number.parseInt(identity, 10), 'SIGKILL');
    } catch {
      // It ended in the meantime.
    }
  }
  while (orphans.some(isRunning)) await delay(20);
}

/** By their working directory, which is all that still connects them with it. */
function findOrphans(directory: string): string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const identity = identify(Number(name));
    try {
      return identity !== undefined && isOrphanOver(name, realpathSync(directory)) ? [identity] : [];
    } catch {
      return []; // It ended while it was looked at, or the directory is not there yet.
    }
  });
}

/** The title in place of the command line tells a backend from a postmaster. */
function isOrphanOver(pid: string, directory: string): boolean {
  const { command, parent } = readStat(pid);
  return (
    command === 'postgres' &&
    readlinkSync(`/proc/${pid}/cwd`) === directory &&
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('postgres: ') &&
    readStat(parent).command !== 'postgres'
  );
}

function readStat(pid: string): { command: string; parent: string } {
  const [, command = '', parent = ''] = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  return { command, parent };
}
