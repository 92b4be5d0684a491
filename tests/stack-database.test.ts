import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest';
import { openStackDatabase } from '../scripts/stack/database.ts';
import { removeState } from '../scripts/stack/remove-state.ts';

// The run's server, which support/database names, stands for the one that a machine has already.
let directory: string;
const urls = new Set<string>();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stack-database-'));
  vi.stubEnv('DATABASE_URL', inject('postgresUrl') || process.env.EXEQUATUR_TEST_POSTGRES_URL);
});
afterEach(async () => {
  for (const url of urls) await query(inject('postgresUrl'), `DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)}`);
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function open(path: string, fresh = false): Promise<string> {
  const { superuserUrl } = await openStackDatabase({ directory: path, fresh });
  urls.add(superuserUrl);
  return superuserUrl;
}

it('of a machine that has a DATABASE_URL is on that server, one for each checkout, and kept until a fresh start', async () => {
  const url = await open(directory);
  expect(new URL(url).port).toBe(new URL(inject('postgresUrl')).port);
  expect(existsSync(join(directory, 'postgres'))).toBe(false);
  expect(await open(`${directory}/another`)).not.toBe(url);

  await query(url, 'CREATE TABLE kept ()');
  expect(await query(await open(directory), `SELECT to_regclass('kept')::text AS kept`)).toEqual([{ kept: 'kept' }]);
  expect(await query(await open(directory, true), `SELECT to_regclass('kept')::text AS kept`)).toEqual([{ kept: null }]);
});

it('removing a state removes every part of it', async () => {
  for (const name of ['postgres', 'kafka', 'keys', 'witness']) mkdirSync(join(directory, name));
  for (const name of ['temporal.db', 'temporal.db-wal', 'temporal.db.pid']) writeFileSync(join(directory, name), '');
  await removeState(directory);
  expect(readdirSync(directory)).toEqual([]);
});
