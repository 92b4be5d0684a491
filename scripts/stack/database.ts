/**
 * The stack's database: the embedded PostgreSQL over a directory of the checkout, or a database on the server that DATABASE_URL names.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../postgres/embedded-postgres.ts';
import { keepServer } from '../processes/kept-server.ts';

export interface StackDatabase {
  /** Superuser (or owner) connection to the stack's own database. */
  superuserUrl: string;
  ended: Promise<string>;
  stop(): Promise<void>;
}

export interface StackDatabaseOptions {
  directory: string;
  preferredPort?: number | undefined;
  disposable?: boolean | undefined;
  commitTimes?: boolean | undefined;
  /** Start from nothing even where the database outlives the directory. */
  fresh?: boolean | undefined;
}

export async function openStackDatabase(options: StackDatabaseOptions): Promise<StackDatabase> {
  const external = process.env.DATABASE_URL;
  if (external) {
    const superuserUrl = await ensureDatabase(external, externalName(options.directory), options.fresh ?? false);
    return { superuserUrl, ended: new Promise(() => {}), stop: async () => {} };
  }
  const server = await keepServer<PostgresServer>('PostgreSQL', (former) =>
    startPostgres({
      directory: join(options.directory, 'postgres'),
      port: former?.port,
      ...(options.preferredPort === undefined ? {} : { preferredPort: options.preferredPort }),
      ...(options.disposable === undefined ? {} : { disposable: options.disposable }),
      ...(options.commitTimes === undefined ? {} : { commitTimes: options.commitTimes }),
    }),
  );
  try {
    return { superuserUrl: await ensureDatabase(server.url, 'exequatur', options.fresh ?? false), ended: server.ended, stop: server.stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Connection of one of the run-time logins, whose names carry the database's name because roles belong to the whole server. */
export function loginUrl(superuserUrl: string, login: string, password: string): string {
  const url = new URL(superuserUrl);
  url.username = encodeURIComponent(`${decodeURIComponent(url.pathname.slice(1))}_${login}`);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** On a server that others use as well, each checkout and each purpose has a database of its own. */
function externalName(directory: string): string {
  return `exequatur_${createHash('sha256').update(directory).digest('hex').slice(0, 8)}`;
}

async function ensureDatabase(serverUrl: string, name: string, fresh: boolean): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount && fresh) await client.query(`drop database ${pg.escapeIdentifier(name)} with (force)`);
    if (!rowCount || fresh) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
