import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdLock, withLock } from './lock-file.mjs';
import { identify, isRunning } from './process-identity.mjs';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const module = JSON.stringify(new URL('./lock-file.mjs', import.meta.url).href);

/** A process that writes when it enters and leaves the locked part. */
async function contend(lock: string, journal: string): Promise<void> {
  const script = `
    import { appendFileSync } from 'node:fs';
    const { withLock } = await import(${module});
    await withLock(${JSON.stringify(lock)}, 'testing', async () => {
      appendFileSync(${JSON.stringify(journal)}, 'enter ');
      await new Promise((resolve) => setImmediate(resolve));
      appendFileSync(${JSON.stringify(journal)}, 'leave ');
    });`;
  await once(spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' }), 'exit');
}

describe('withLock', () => {
  it('lets one process at a time into the locked part', async () => {
    const journal = join(directory, 'journal');
    await Promise.all(Array.from({ length: 6 }, () => contend(join(directory, 'lock'), journal)));
    expect(readFileSync(journal, 'utf8')).toBe('enter leave '.repeat(6));
  });

  it('takes over the lock of a process that was killed', async () => {
    const lock = join(directory, 'lock');
    writeFileSync(lock, `${process.pid}@1`); // This pid, but not the process that started then.
    expect(await withLock(lock, 'testing', async () => 'done')).toBe('done');
    expect(existsSync(lock)).toBe(false);
  });

  it('frees the lock when the work fails', async () => {
    const lock = join(directory, 'lock');
    await expect(withLock(lock, 'testing', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(lock)).toBe(false);
  });
});

describe('holdLock', () => {
  it('names the holder to whoever comes second', () => {
    const lock = join(directory, 'lock');
    const first = holdLock(lock);
    expect(holdLock(lock)).toEqual({ heldBy: process.pid });
    if ('release' in first) first.release();
    expect(holdLock(lock)).toHaveProperty('release');
  });
});

describe('identify', () => {
  it('tells a running process from one that had its pid', () => {
    expect(isRunning(identify(process.pid) ?? '')).toBe(true);
    expect(isRunning(`${process.pid}@1`)).toBe(false);
    expect(isRunning('')).toBe(false);
  });
});
