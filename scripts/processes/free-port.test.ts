import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { freePort } from './free-port.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'ports-'));
  vi.stubEnv('XDG_CACHE_HOME', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

it('is another where something listens on the preferred one', async () => {
  const taken: Server = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  expect(await freePort(port)).not.toBe(port);
  taken.close();
});

it('is given to one of two that ask before either listens', async () => {
  const preferred = await freePort();
  const given = await Promise.all([freePort(preferred), freePort(preferred)]);
  expect(given.filter((port) => port === preferred)).toHaveLength(1);
});

it('stays with the process that has it until that ends', async () => {
  const preferred = await freePort();
  const script = `
    const { freePort } = await import(${JSON.stringify(new URL('./free-port.ts', import.meta.url).href)});
    console.log(await freePort(${preferred}));
    setInterval(() => {}, 1_000);`;
  const other = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: other.stdout }), 'line');
  expect(Number(line)).toBe(preferred);
  expect(await freePort(preferred)).not.toBe(preferred);
  other.kill('SIGKILL');
  await once(other, 'exit');
  expect(await freePort(preferred)).toBe(preferred);
});
