import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identify } from '../bootstrap/process-identity.mjs';
import { startLeashed } from './leashed-program.ts';
import { supervise } from './supervised-process.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'processes-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A process of its own that runs the script with this folder's modules at hand, and prints the pids it starts. */
function runOwner(script: string): ChildProcess {
  const file = join(directory, 'owner.mts');
  writeFileSync(file, script);
  return spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [line] = await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line');
  return line as string;
}

const moduleUrl = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);

describe('a leashed program', () => {
  it('ends when its owner is killed', async () => {
    const owner = runOwner(`
      import { startLeashed } from ${moduleUrl('./leashed-program.ts')};
      startLeashed({ name: 'sleeper', command: 'sh', args: ['-c', 'echo $$; exec sleep 1000'], onLine: (line) => console.log(line) });
    `);
    const pid = Number(await firstLine(owner));
    expect(identify(pid)).toBeDefined();
    owner.kill('SIGKILL');
    await expect.poll(() => identify(pid)).toBeUndefined();
  });

  it('is killed when it does not end within its grace time', async () => {
    const program = startLeashed({ name: 'deaf', command: 'sh', args: ['-c', 'trap "" TERM; while :; do sleep 0.1; done'], graceMs: 200 });
    await program.stop();
    expect(program.hasEnded()).toBe(true);
  });

  it('tells that it could not be started', async () => {
    const program = startLeashed({ name: 'nothing', command: '/nonexistent/program', args: [] });
    expect(await program.ended).toContain('127');
  });
});

describe('a supervised process', () => {
  const entry = () => join(directory, 'entry.mjs');

  const hangs = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
  it.each([
    ['its main thread is blocked', `process.on('SIGTERM', () => {}); console.log(process.pid); ${hangs}`],
    [
      'it hangs while it shuts down',
      `process.on('exit', () => { ${hangs} }); process.once('SIGTERM', () => process.exit(0)); console.log(process.pid); setInterval(() => {}, 1000);`,
    ],
  ])('is killed when its owner was killed and %s', async (_, script) => {
    writeFileSync(entry(), script);
    const owner = runOwner(`
      import { supervise } from ${moduleUrl('./supervised-process.ts')};
      const env = { EXEQUATUR_ORPHAN_GRACE_SECONDS: '1' };
      supervise({ name: 'hanging', entry: ${JSON.stringify(entry())}, env, onLine: (_, line) => console.log(line) });
    `);
    const pid = Number(await firstLine(owner));
    expect(identify(pid)).toBeDefined();
    owner.kill('SIGKILL');
    await expect.poll(() => identify(pid)).toBeUndefined();
  });

  it('ends by itself when it has nothing more to do, its watch notwithstanding', async () => {
    writeFileSync(entry(), 'console.log("done");');
    const lines: string[] = [];
    const process_ = supervise({ name: 'short', entry: entry(), env: {}, onLine: (_, line) => lines.push(line) });
    await expect.poll(() => lines.join()).toContain('ended (0)');
    await process_.stop();
  });

  it('is started again after it died, and ends when asked', async () => {
    writeFileSync(entry(), 'console.log("up", process.pid); setInterval(() => {}, 1000);');
    const lines: string[] = [];
    const process_ = supervise({ name: 'steady', entry: entry(), env: {}, onLine: (_, line) => lines.push(line) });
    const starts = () => lines.filter((line) => line.startsWith('up ')).length;
    await expect.poll(starts).toBe(1);
    process.kill(process_.pid() as number, 'SIGKILL');
    await expect.poll(starts).toBe(2);
    const last = process_.pid() as number;
    await process_.stop();
    expect(identify(last)).toBeUndefined();
    expect(process_.pid()).toBeUndefined();
  });

  it('does not begin where its owner was killed before it came to watch', async () => {
    writeFileSync(entry(), "console.log('begun');");
    const args = ['--import', './scripts/processes/die-with-parent.mjs', entry()];
    const start = (owner: number) =>
      spawnSync(process.execPath, args, { env: { ...process.env, EXEQUATUR_SUPERVISOR_PID: `${owner}` }, encoding: 'utf8' });
    expect(start(process.ppid)).toMatchObject({ status: 1, stdout: '' });
    expect(start(process.pid)).toMatchObject({ status: 0, stdout: 'begun\n' });
  });

  it('ends when its owner is killed', async () => {
    writeFileSync(entry(), 'console.log(process.pid); setInterval(() => {}, 1000);');
    const owner = runOwner(`
      import { supervise } from ${moduleUrl('./supervised-process.ts')};
      supervise({ name: 'child', entry: ${JSON.stringify(entry())}, env: {}, onLine: (_, line) => console.log(line) });
    `);
    const pid = Number(await firstLine(owner));
    expect(identify(pid)).toBeDefined();
    owner.kill('SIGKILL');
    await expect.poll(() => identify(pid)).toBeUndefined();
  });
});
