import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { ensureRoles, type LoginPasswords, roleTokens } from './database-roles.ts';

/**
 * Brings a database to the newest schema. It keeps Prisma's own `_prisma_migrations`, so that Prisma's tools could take over, and refuses a migration whose text
 * has changed since it was applied. Two runners at once are safe: the second waits on an advisory lock and finds nothing left to do.
 */
export interface MigrateOptions {
  /** A connection that may create roles; it is not a run-time login. */
  url: string;
  passwords: LoginPasswords;
  /** Role names begin with this; by default the database's name. Databases cloned from one template share the template's roles. */
  rolePrefix?: string;
  /** For tests: other migrations than the repository's. */
  directory?: string;
}

export interface Migrated {
  applied: string[];
}

const defaultDirectory = fileURLToPath(new URL('../prisma/migrations', import.meta.url));
const lockKey = 7_311_884_250_219; // Any number that nothing else in this database uses.

const createRecord = `
  CREATE TABLE IF NOT EXISTS public._prisma_migrations (
    id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text,
    rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`;

export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const client = new pg.Client({ connectionString: options.url });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    const prefix = options.rolePrefix ?? (await databaseName(client));
    await ensureRoles(client, prefix, options.passwords);
    await client.query(createRecord);
    const applied: string[] = [];
    const known = await knownChecksums(client);
    for (const migration of readMigrations(options.directory ?? defaultDirectory)) {
      const checksum = known.get(migration.name);
      if (checksum === migration.checksum) continue;
      if (checksum !== undefined)
        throw new Error(`migration ${migration.name} was edited after it had been applied; write a new one instead`);
      await apply(client, migration, prefix);
      applied.push(migration.name);
    }
    return { applied };
  } finally {
    await client.end();
  }
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

function readMigrations(directory: string): Migration[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .map((name) => {
      const sql = readFileSync(join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}

async function knownChecksums(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    'SELECT migration_name, checksum FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

/** One transaction per migration, its record included: a crash leaves either all of it or nothing. */
async function apply(client: pg.Client, migration: Migration, prefix: string): Promise<void> {
  const tokens = roleTokens(prefix);
  const sql = migration.sql.replace(/\{\{(\w+)\}\}/g, (token, name: string) => {
    const value = tokens[name];
    if (value === undefined) throw new Error(`migration ${migration.name} names an unknown role in ${token}`);
    return value;
  });
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL ROLE ${tokens.owner}`);
    await client.query(sql);
    await client.query('RESET ROLE; RESET search_path');
    await client.query(
      'INSERT INTO public._prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) VALUES ($1, $2, now(), $3, 1)',
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new Error(`migration ${migration.name} failed and was rolled back`, { cause: error });
  }
}

async function databaseName(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  return rows[0]?.name ?? 'exequatur';
}
