/**
 * One of the product's own processes, kept running: started again with backoff whenever it ends without having been asked, ended in good order when asked,
 * and ending by itself when we are killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { bundleEntry } from './bundle-entry.ts';

export interface SupervisedProcess {
  readonly name: string;
  /** The process that runs now, if one does. */
  readonly pid: () => number | undefined;
  /** How often it has ended without having been asked. */
  readonly failures: () => number;
  readonly tail: () => string;
  /** Asks it to end and waits. */
  stop(): Promise<void>;
}

export interface SupervisedOptions {
  name: string;
  /** TypeScript entry point, from the root of the checkout. */
  entry: string;
  env: Record<string, string>;
  onLine: (source: string, line: string) => void;
}

const firstBackoffMs = 500;
const longestBackoffMs = 10_000;
const healthyAfterMs = 30_000; // A process that ran this long starts over at the first backoff.
const graceMs = 15_000; // The worker lets running activities finish; past this it hangs and is killed.
const keptLines = 40;

/** As in the container. What a request leaves behind is larger than the default of 16 MB holds while fifty are under way, and is then copied on. */
const nurserySize = '--max-semi-space-size=32';
const threads = '64'; // As the Dockerfile has both.

export function supervise(options: SupervisedOptions): SupervisedProcess {
  const lines: string[] = [];
  let child: ChildProcess | undefined;
  let backoffMs = firstBackoffMs;
  let stopping = false;
  let failures = 0;
  let restart: NodeJS.Timeout | undefined;
  let announceEnd = () => {};
  let starting: Promise<void> = Promise.resolve();

  const report = (line: string) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    options.onLine(options.name, line);
  };

  const startAgain = (why: string) => {
    report(`${why}; starting again in ${backoffMs} ms`);
    restart = setTimeout(start, backoffMs);
    backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
  };
  const start = () => {
    starting = begin().catch((error: Error) => startAgain(`could not be made: ${error.message}`));
  };
  const begin = async () => {
    const { EXEQUATUR_FUNCTIONS: named } = options.env; // A module that the process loads by its path.
    const [entry, functions] = await Promise.all([bundleEntry(options.entry), named && bundleEntry(named)]);
    if (stopping) return;
    const startedAt = Date.now();
    child = launch(entry, { ...options.env, ...(functions && { EXEQUATUR_FUNCTIONS: functions }) });
    for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', report);
    child.once('error', (error) => report(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      child = undefined;
      announceEnd();
      if (stopping) return;
      failures += 1;
      if (Date.now() - startedAt >= healthyAfterMs) backoffMs = firstBackoffMs;
      startAgain(`ended (${signal ?? code})`);
    });
  };
  start();

  return {
    name: options.name,
    pid: () => child?.pid,
    failures: () => failures,
    tail: () => lines.join('\n'),
    async stop() {
      stopping = true;
      clearTimeout(restart);
      await starting;
      const running = child;
      if (!running) return;
      const ended = new Promise<void>((resolve) => {
        announceEnd = resolve;
      });
      running.kill('SIGTERM');
      const timer = setTimeout(() => running.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

function launch(entry: string, env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [nurserySize, '--enable-source-maps', '--import', './scripts/processes/die-with-parent.mjs', entry], {
    env: { UV_THREADPOOL_SIZE: threads, ...process.env, ...env, EXEQUATUR_SUPERVISOR_PID: String(process.pid) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true, // Ctrl-C in a terminal goes to us alone; we end things in order.
  });
}
