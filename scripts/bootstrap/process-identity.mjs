/**
 * Names a process so that the name is never another process's: the pid with the time it started. Pids alone come round again, on a small machine within hours.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * @param {number} pid
 * @returns {string | undefined} `pid@start`, or undefined when no such process runs (a zombie does not).
 */
export function identify(pid) {
  const startedAt = process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
  return startedAt === undefined ? undefined : `${pid}@${startedAt}`;
}

/**
 * @param {string} identity What identify returned.
 */
export function isRunning(identity) {
  const pid = Number.parseInt(identity, 10);
  return Number.isInteger(pid) && pid > 0 && identify(pid) === identity.trim();
}

/** @param {number} pid */
function startFromProc(pid) {
  try {
    // The command name, in parentheses, may hold anything; the fields after the last parenthesis start with the state, and the 20th is the start in ticks since boot.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function startFromPs(pid) {
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout?.trim().replaceAll(/\s+/g, '-') || undefined;
}
