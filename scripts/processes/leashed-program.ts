/**
 * Runs a foreign program (PostgreSQL, Temporal, Java) that ends when this process does, however this process ends: a shell holds the reading end of a
 * pipe to us and stops the program when the pipe closes, which the kernel does for us even after a kill -9.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { identify } from '../bootstrap/process-identity.mjs';

export interface LeashedProgram {
  readonly name: string;
  /** Settles when the program has ended, with words for why. */
  readonly ended: Promise<string>;
  readonly hasEnded: () => boolean;
  /** The last lines it wrote. */
  readonly tail: () => string;
  /** Asks the program to end and waits; kills it when it takes longer than the grace time. */
  stop(): Promise<void>;
}

export interface ProgramOptions {
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** What asks this program to stop in good order. */
  stopSignal?: 'INT' | 'TERM';
  identity?: { uid: number; gid: number };
  /** How long it may take to end before it is killed. */
  graceMs?: number;
  onLine?: (line: string) => void;
  /** Names the running program to a later start; see endPrevious. */
  pidFile?: string;
}

const defaultGraceMs = 20_000; // PostgreSQL's shutdown checkpoint on a slow disk takes seconds; past this something hangs.
const keptLines = 30;
const keptLineLength = 500; // Stack traces that a Go program writes as one line say nothing more after this.

// $1 is the stop signal; the rest is the program. `cat` ends when we do or when we close the pipe.
const leash = `
exec 3<&0
signal=$1; shift
"$@" 3<&- </dev/null &
program=$!
( cat <&3 >/dev/null; kill -s "$signal" "$program" 2>/dev/null ) &
wait "$program"
`;

export function startLeashed(options: ProgramOptions): LeashedProgram {
  const child = spawn('/bin/sh', ['-c', leash, 'sh', options.stopSignal ?? 'TERM', options.command, ...options.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C in a terminal reaches only us, and we end things in order.
    detached: true,
    env: options.env ?? process.env,
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.identity ?? {}),
  });
  child.stdin.on('error', () => {});
  if (options.pidFile && child.pid) writeFileSync(options.pidFile, identify(child.pid) ?? '');
  const lines = keepLines(child, options.onLine);
  let finished = false;
  const ended = endOf(child).then((why) => {
    finished = true;
    child.stdin.destroy();
    return why;
  });
  return {
    name: options.name,
    ended,
    hasEnded: () => finished,
    tail: () => lines.join('\n'),
    async stop() {
      child.stdin.end();
      const timer = setTimeout(() => killGroup(child), options.graceMs ?? defaultGraceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Waits for the program that a killed process left behind; it is ending already, since its leash is gone. One that does not end is killed.
 * Two servers over one file of state would destroy it.
 */
export async function endPrevious(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const identity = readFileSync(pidFile, 'utf8');
  const group = Number.parseInt(identity, 10);
  const deadline = Date.now() + defaultGraceMs;
  while (Number.isInteger(group) && isOurs(group, identity)) {
    if (Date.now() > deadline) process.kill(-group, 'SIGKILL');
    await delay(100);
  }
  rmSync(pidFile, { force: true });
}

/** A group that outlived its leader keeps its number from being given to another process; a leader of another identity is a stranger. */
function isOurs(group: number, identity: string): boolean {
  const leader = identify(group);
  if (leader !== undefined) return leader === identity;
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    return signal ? `ended by ${signal}` : `ended with code ${code}`;
  } catch (error) {
    return `could not be started: ${(error as Error).message}`;
  }
}

function keepLines(child: ChildProcess, onLine?: (line: string) => void): string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        lines.push(line.slice(0, keptLineLength));
        if (lines.length > keptLines) lines.shift();
        onLine?.(line);
      }
    });
  }
  return lines;
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended in the meantime.
  }
}
