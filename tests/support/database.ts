import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import type { Login } from '../../store/database-roles.ts';
import { migrate } from '../../store/migrate.ts';

/** A database of its own for one test file: a clone of a template that is migrated once per server. Its clock can be moved; its roles are the template's. */
export interface TestDatabase {
  readonly name: string;
  readonly rolePrefix: string;
  readonly urls: Readonly<Record<Login | 'superuser', string>>;
  /** @returns the new tenant's id. */
  createTenant(slug?: string): Promise<string>;
  /** Moves this database's clock() forward. */
  advanceClock(milliseconds: number): Promise<void>;
  /** Back to the present, for a tenant that has seen nothing yet. */
  resetClock(): Promise<void>;
  /** Keeps everything as it is now; what it returns brings it back once, as a restored backup does. Nobody may use the database meanwhile. */
  save(): Promise<() => Promise<void>>;
  /** Lets nobody in any more, until it is brought back. */
  shut(): Promise<void>;
  drop(): Promise<void>;
}

const passwords = { api: 'api', worker: 'worker', relay: 'relay' } as const;
const copied = 'STRATEGY FILE_COPY'; // Page by page through the log, as without it, takes twice as much of a processor.
const lockKey = 5_518_230_771; // Test files run side by side; one of them makes the template.

const movableClock = `
  CREATE SCHEMA test_clock;
  CREATE TABLE test_clock.moved (by interval NOT NULL);
  INSERT INTO test_clock.moved VALUES ('0');
  GRANT USAGE ON SCHEMA test_clock TO PUBLIC;
  GRANT SELECT ON test_clock.moved TO PUBLIC;
  CREATE OR REPLACE FUNCTION exequatur.clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp() + by FROM test_clock.moved';`;

/** On the run's server unless told which. */
export async function createTestDatabase(server = inject('postgresUrl') || process.env.EXEQUATUR_TEST_POSTGRES_URL): Promise<TestDatabase> {
  if (!server) throw new Error('no test server: the test file must name support/database');
  const template = await templateOn(server);
  const name = `t_${randomBytes(6).toString('hex')}`;
  await onServer(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template} ${copied}`));
  const urls = {
    superuser: urlOf(server, name),
    api: urlOf(server, name, `${template}_api`, passwords.api),
    worker: urlOf(server, name, `${template}_worker`, passwords.worker),
    relay: urlOf(server, name, `${template}_relay`, passwords.relay),
  };
  return {
    name,
    rolePrefix: template,
    urls,
    createTenant: (slug = `tenant-${randomBytes(4).toString('hex')}`) =>
      onServer(urls.superuser, async (client) => {
        const { rows } = await client.query<{ id: string }>('SELECT exequatur.ensure_tenant($1, $1) AS id', [slug]);
        return rows[0]?.id ?? '';
      }),
    async advanceClock(milliseconds) {
      await onServer(urls.superuser, (client) =>
        client.query(`UPDATE test_clock.moved SET by = by + make_interval(secs => $1)`, [milliseconds / 1_000]),
      );
    },
    resetClock: () => onServer(urls.superuser, async (client) => void (await client.query("UPDATE test_clock.moved SET by = '0'"))),
    async save() {
      const saved = `${name}_saved`;
      await onServer(server, async (client) => {
        await client.query('SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.datname = $1', [name]);
        await client.query(`CREATE DATABASE ${saved} TEMPLATE ${name} ${copied}`);
      });
      return () =>
        onServer(server, async (client) => {
          await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
          await client.query(`ALTER DATABASE ${saved} RENAME TO ${name}`);
        });
    },
    shut: () =>
      onServer(server, async (client) => {
        await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
        await client.query('SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.datname = $1', [name]);
      }),
    async drop() {
      await onServer(server, async (client) => {
        for (const one of [name, `${name}_saved`]) await client.query(`DROP DATABASE IF EXISTS ${one} WITH (FORCE)`);
      });
    },
  };
}

const templates = new Map<string, Promise<string>>();

/** Asked for once by each process; whatever fails is asked for again. */
function templateOn(server: string): Promise<string> {
  const known = templates.get(server) ?? ensureTemplate(server);
  templates.set(server, known);
  known.catch(() => templates.delete(server));
  return known;
}

/** The template's name carries a hash of the migrations, so that an edited migration never meets an old template on a server that is kept. */
async function ensureTemplate(server: string): Promise<string> {
  const template = `exq_${migrationsHash()}`;
  await onServer(server, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [template]);
    if (rowCount) return;
    await client.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`); // A run that was killed half-way leaves one that is not marked.
    await client.query(`CREATE DATABASE ${template}`);
    await migrate({ url: urlOf(server, template), passwords });
    await onServer(urlOf(server, template), (own) => own.query(movableClock));
    await client.query(`ALTER DATABASE ${template} IS_TEMPLATE true`);
  });
  return template;
}

function migrationsHash(): string {
  const directory = join(import.meta.dirname, '..', '..', 'prisma', 'migrations');
  const hash = createHash('sha256').update(movableClock);
  for (const name of readdirSync(directory).sort()) hash.update(name).update(readFileSync(join(directory, name, 'migration.sql')));
  return hash.digest('hex').slice(0, 12);
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(server: string, database: string, user?: string, password?: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  if (user !== undefined) url.username = user;
  if (password !== undefined) url.password = password;
  return url.href;
}
