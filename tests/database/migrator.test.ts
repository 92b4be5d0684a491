import { randomBytes, randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../store/migrate.ts';
import type {} from '../support/database.ts'; // Names the file, so that the run starts a server.

const passwords = { api: 'a', worker: 'w', relay: 'r' };
const databases: string[] = [];
let directory: string;
let admin: pg.Client;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'migrations-'));
  admin = new pg.Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
});
afterAll(async () => {
  for (const name of databases) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  for (const name of databases) {
    const { rows } = await admin.query<{ rolname: string }>('SELECT rolname FROM pg_roles WHERE rolname LIKE $1', [`${name}\\_%`]);
    for (const { rolname } of rows) await admin.query(`DROP ROLE ${rolname}`);
  }
  await admin.end();
  rmSync(directory, { recursive: true });
});

async function emptyDatabase(): Promise<string> {
  const name = `m_${randomBytes(6).toString('hex')}`;
  await admin.query(`CREATE DATABASE ${name}`);
  databases.push(name);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

function migrations(sql: Record<string, string>): string {
  const folder = mkdtempSync(join(directory, 'set-'));
  for (const [name, text] of Object.entries(sql)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'migration.sql'), text);
  }
  return folder;
}

async function read<T>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

const first = { '20260101000000_create_thing': 'CREATE SCHEMA s; CREATE TABLE s.thing (id int); INSERT INTO s.thing VALUES (1);' };
const second = { '20260102000000_add_row': 'INSERT INTO s.thing VALUES (2);' };

describe('the migrator', () => {
  it('applies the repository’s migrations once, in order, and records them as Prisma does', async () => {
    const url = await emptyDatabase();
    const { applied } = await migrate({ url, passwords });
    expect(applied).toEqual([...applied].sort());
    expect(applied.length).toBeGreaterThan(5);
    expect((await migrate({ url, passwords })).applied).toEqual([]);
    const records = await read<{ migration_name: string; checksum: string; finished: boolean; applied_steps_count: number }>(
      url,
      'SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, applied_steps_count FROM public._prisma_migrations ORDER BY 1',
    );
    expect(records.map((record) => record.migration_name)).toEqual(applied);
    expect(records.every((record) => record.finished && record.applied_steps_count === 1 && /^[0-9a-f]{64}$/.test(record.checksum))).toBe(
      true,
    );
  });

  it('applies each migration once when two run at the same instant', async () => {
    const url = await emptyDatabase();
    const set = migrations({ ...first, ...second });
    const runs = await Promise.all([
      migrate({ url, passwords, directory: set }),
      migrate({ url, passwords, directory: set }),
      migrate({ url, passwords, directory: set }),
    ]);
    expect(runs.flatMap(({ applied }) => applied)).toEqual([...Object.keys(first), ...Object.keys(second)]);
    expect(await read(url, 'SELECT id FROM s.thing ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('refuses a migration that was edited after it had been applied, and applies nothing that follows', async () => {
    const url = await emptyDatabase();
    await migrate({ url, passwords, directory: migrations(first) });
    const edited = migrations({ '20260101000000_create_thing': `${first['20260101000000_create_thing']} -- harmless`, ...second });
    await expect(migrate({ url, passwords, directory: edited })).rejects.toThrow(/was edited/);
    expect(await read(url, 'SELECT id FROM s.thing')).toEqual([{ id: 1 }]);
    expect((await migrate({ url, passwords, directory: migrations({ ...first, ...second }) })).applied).toEqual(Object.keys(second));
  });

  it('leaves nothing of a migration that fails half-way, and applies it whole once it is right', async () => {
    const url = await emptyDatabase();
    const broken = { '20260102000000_add_row': 'INSERT INTO s.thing VALUES (2); SELECT 1/0;' };
    await expect(migrate({ url, passwords, directory: migrations({ ...first, ...broken }) })).rejects.toThrow(/20260102000000_add_row/);
    expect(await read(url, 'SELECT id FROM s.thing')).toEqual([{ id: 1 }]);
    expect((await migrate({ url, passwords, directory: migrations({ ...first, ...second }) })).applied).toEqual(Object.keys(second));
  });

  it('never shows a password, neither in what it returns nor when it fails', async () => {
    const url = await emptyDatabase();
    const secret = { api: "s'ecret-1", worker: 's"ecret-2', relay: 's\\ecret-3' };
    const outcome = await migrate({ url, passwords: secret, directory: migrations({ '20260101000000_break': 'SELECT 1/0' }) }).catch(
      (error: Error) => error,
    );
    expect(`${JSON.stringify(outcome)} ${String(outcome)} ${String((outcome as Error).cause)}`).not.toContain('ecret-');
    const login = new URL(url);
    login.username = `${login.pathname.slice(1)}_worker`;
    login.password = encodeURIComponent(secret.worker);
    expect(await read(login.href, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('makes the roles once when two databases of one role prefix are migrated at the same instant, again and again', async () => {
    const urls = await Promise.all([emptyDatabase(), emptyDatabase(), emptyDatabase(), emptyDatabase()]);
    const rolePrefix = new URL(urls[0] as string).pathname.slice(1);
    for (let round = 0; round < 3; round++) {
      const runs = await Promise.all(urls.map((url) => migrate({ url, passwords, rolePrefix, directory: migrations(first) })));
      expect(runs.map(({ applied }) => applied.length)).toEqual(urls.map(() => (round === 0 ? 1 : 0)));
    }
  });

  it('gives clones of a template the template’s roles', async () => {
    const url = await emptyDatabase();
    const template = new URL(url).pathname.slice(1);
    const copy = migrations({});
    cpSync(migrations(first), copy, { recursive: true });
    await migrate({ url: await emptyDatabase(), passwords, rolePrefix: template, directory: copy });
    const clone = databases.at(-1) as string;
    const owners = await admin.query<{ rolname: string }>('SELECT rolname FROM pg_roles WHERE rolname LIKE $1', [`${clone}\\_%`]);
    expect(owners.rows).toEqual([]);
  });
});

it('numbers the changes that an older version has written as they were told then, and keeps them unchangeable', async () => {
  const numbering = '20261130100000_number_changes';
  const url = await emptyDatabase();
  await migrate({ url, passwords, directory: migrationsBefore(numbering) });
  const [tenant, execution] = [randomUUID(), randomUUID()];
  await read(
    url,
    `INSERT INTO exequatur.tenant (tenant_id, slug, name) VALUES ('${tenant}', 't', 't');
     INSERT INTO exequatur.object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at)
     SELECT '${tenant}', x.type, x.id, x.version, 'modify', '{}', '{}', '{}', '${execution}', '${execution}', x.at::timestamptz
       FROM (VALUES ('room', 'B', 1, '2026-01-01'), ('room', 'A', 1, '2026-01-01'), ('floor', 'Z', 1, '2026-01-01'), ('room', 'B', 2, '2026-01-02')) x(type, id, version, at);
     INSERT INTO exequatur.link_history (tenant_id, link, from_id, to_id, version, op, execution_id, proposal_id, at)
     VALUES ('${tenant}', 'near', 'B', 'A', 1, 'link', '${execution}', '${execution}', '2026-01-01'), ('${tenant}', 'near', 'A', 'B', 1, 'link', '${execution}', '${execution}', '2026-01-01')`,
  );
  expect((await migrate({ url, passwords })).applied).toContain(numbering);
  const numbered = await read(
    url,
    `SELECT to_char(at, 'DD') || ' ' || ordinal || ' ' || concat_ws(' ', type, object_id) AS change FROM exequatur.object_history
     UNION ALL SELECT to_char(at, 'DD') || ' ' || ordinal || ' ' || concat_ws(' ', link, from_id) FROM exequatur.link_history ORDER BY 1`,
  );
  expect(numbered).toEqual(
    ['01 1 floor Z', '01 2 room A', '01 3 room B', '01 4 near A', '01 5 near B', '02 1 room B'].map((change) => ({ change })),
  );
  for (const table of ['object_history', 'link_history']) {
    await expect(read(url, `UPDATE exequatur.${table} SET ordinal = 9`)).rejects.toMatchObject({ code: 'XQ011' });
    const [secured] = await read(url, `SELECT relforcerowsecurity AS forced FROM pg_class WHERE oid = 'exequatur.${table}'::regclass`);
    expect(secured).toEqual({ forced: true });
  }
});

/** What the repository had before one of its migrations. */
function migrationsBefore(name: string): string {
  const folder = mkdtempSync(join(directory, 'set-'));
  const repository = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
  for (const earlier of readdirSync(repository))
    if (earlier < name) cpSync(join(repository, earlier), join(folder, earlier), { recursive: true });
  return folder;
}
