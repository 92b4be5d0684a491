/**
 * Tells a person what is being installed or built, and that it is still alive. Lines go to stderr, so that a command's own output stays clean.
 */
import { spawn } from 'node:child_process';

const heartbeatMs = 15_000; // Often enough that nobody reaches for Ctrl-C during a four-minute build, rare enough to stay readable.
const keptOutputBytes = 20_000; // The end of a failed command's output; the cause is at the end.

/** @param {string} text */
export function say(text) {
  process.stderr.write(`[exequatur] ${text}\n`);
}

/** @param {number} since Milliseconds since the epoch. */
export function elapsed(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * Says what starts, that it goes on, and how long it took.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgress(what, work) {
  const startedAt = Date.now();
  say(`${what} ...`);
  const timer = setInterval(() => say(`${what}: still at it after ${Math.round((Date.now() - startedAt) / 1000)} s`), heartbeatMs);
  try {
    const result = await work();
    say(`${what}: done in ${elapsed(startedAt)}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

// The shell becomes the program. What it leaves behind reads a pipe that the kernel closes when we end, also by kill -9, and then kills the whole group:
// an installation that went on alone would be in the way of the next command's. Nothing of it is kept, so it need not end in good order.
const leash = `
( read -r _ <&3; kill -KILL 0 ) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
`;

/**
 * Runs a command quietly; its output is shown only when it fails. It does not outlive this process, however that ends.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, input?: string, identity?: { uid: number, gid: number } }} [options]
 * @returns {Promise<string>} What it wrote to stdout and stderr.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn('/bin/sh', ['-c', leash, 'sh', command, ...args], {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      detached: true, // A group of its own.
      ...options.identity,
    });
    child.on('exit', () => /** @type {import('node:net').Socket} */ (child.stdio[3]).destroy());
    child.stdin.on('error', () => {}); // A program that ends without reading its input is judged by its exit code.
    child.stdin.end(options.input ?? '');
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-keptOutputBytes);
      });
    }
    child.on('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${output.trim()}`));
    });
  });
}
