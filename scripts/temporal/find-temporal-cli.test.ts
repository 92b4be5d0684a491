import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { findTemporalCli } from './find-temporal-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'temporal-cli-'));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it('a machine that has a temporal is not made to build another', async () => {
  writeFileSync(join(folder, 'temporal'), '#!/bin/sh\n');
  chmodSync(join(folder, 'temporal'), 0o755);
  const cache = mkdtempSync(join(folder, 'cache-'));
  vi.stubEnv('PATH', folder); // No go, either: nothing could be built.
  vi.stubEnv('XDG_CACHE_HOME', cache);
  expect(await findTemporalCli()).toBe(join(folder, 'temporal'));
  expect(readdirSync(cache)).toEqual([]);
});
