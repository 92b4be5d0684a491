import { createServer } from 'node:net';
import { holdLock } from '../bootstrap/lock-file.mjs';
import { cacheDirectory } from './cache-directory.ts';

/**
 * The preferred port when nothing listens on it, else any free one. A preferred port stays this process's until it ends, so that another checkout which starts at
 * the same instant takes another one; any other program may still be quicker than the caller, and callers that mind retry.
 */
export async function freePort(preferred = 0, avoid: ReadonlySet<number> = new Set()): Promise<number> {
  if (preferred !== 0 && !avoid.has(preferred) && (await isFree(preferred)) && reserve(preferred)) return preferred;
  for (;;) {
    const port = await anyPort();
    if (!avoid.has(port)) return port;
  }
}

/** A free port of a range, for programs that cannot live with any: PostgreSQL-backed Temporal stores its ports in a signed 16-bit column. */
export async function freePortBetween(from: number, to: number, avoid: ReadonlySet<number> = new Set()): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = from + Math.floor(Math.random() * (to - from));
    if (!avoid.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`No free port between ${from} and ${to}`);
}

function reserve(port: number): boolean {
  return 'release' in holdLock(cacheDirectory('ports', String(port)));
}

/** Asked on both addresses: a program bound to all interfaces and one bound to the loopback alone may hold the same number. */
async function isFree(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    if ((await listen(port, host)) === undefined) return false;
  }
  return true;
}

async function anyPort(): Promise<number> {
  const port = await listen(0, '127.0.0.1');
  if (port === undefined) throw new Error('The operating system gave no free port');
  return port;
}

function listen(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
