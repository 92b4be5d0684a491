/**
 * The production Temporal server over PostgreSQL, as a cluster would run it, in one process: for benchmarks, where the embedded server would be measured
 * instead of the product. Built from source once, into the cache. It ends with this process.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { run } from './bootstrap/progress.mjs';
import { freePortBetween } from './processes/free-port.ts';
import { installGoPrograms } from './processes/install-go-program.ts';
import { type LeashedProgram, startLeashed } from './processes/leashed-program.ts';
import { dynamicConfig } from './temporal/dynamic-config.ts';
import { registerNamespace } from './temporal/register-namespace.ts';

export interface TemporalServer {
  readonly address: string;
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface TemporalServerOptions {
  /** A login that may create databases. */
  postgresUrl: string;
  /** Where the dynamic configuration is written. */
  directory: string;
  /** The databases are called this, and this with `_visibility`; made when missing, kept otherwise. */
  database?: string;
}

const serverVersion = 'v1.31.2';
const historyShards = 4; // Fixed for the life of the database. Four is the server's own default, and plenty for one process on two cores.
const portRange = [20_000, 32_000] as const; // The server keeps its ports in a signed 16-bit column, so not above 32,767.
const startTimeoutMs = 90_000;

export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const programs = await installGoPrograms({
    folder: `temporal-server-${serverVersion}`,
    version: serverVersion,
    packages: { server: 'go.temporal.io/server/cmd/server', sql: 'go.temporal.io/server/cmd/tools/sql' },
    expected: 'about 5 minutes on 2 cores, once',
  });
  const database = options.database ?? 'temporal';
  await prepareSchema(programs.sql as string, options.postgresUrl, database, 'temporal');
  await prepareSchema(programs.sql as string, options.postgresUrl, `${database}_visibility`, 'visibility');

  const grpcPort = await freePortBetween(...portRange);
  const program = startLeashed({
    name: 'temporal-server',
    command: programs.server as string,
    args: ['--allow-no-auth', 'start'],
    env: await environment(options, database, grpcPort),
    cwd: options.directory,
    graceMs: 3_000, // It drains for up to 15 s what nobody waits for any more; the database holds everything.
  });
  const address = `127.0.0.1:${grpcPort}`;
  await untilReady(program, address);
  return { address, ended: program.ended, stop: () => program.stop() };
}

async function environment(options: TemporalServerOptions, database: string, grpcPort: number): Promise<NodeJS.ProcessEnv> {
  const url = new URL(options.postgresUrl);
  const ports: Record<string, string> = { FRONTEND_GRPC_PORT: String(grpcPort) };
  const taken = new Set([grpcPort]);
  for (const name of [
    'FRONTEND_HTTP',
    'FRONTEND_MEMBERSHIP',
    'MATCHING_GRPC',
    'MATCHING_MEMBERSHIP',
    'HISTORY_GRPC',
    'HISTORY_MEMBERSHIP',
    'WORKER_GRPC',
    'WORKER_MEMBERSHIP',
  ]) {
    const port = await freePortBetween(...portRange, taken);
    taken.add(port);
    ports[`${name}_PORT`] = String(port);
  }
  return {
    ...process.env,
    ...ports,
    LOG_LEVEL: 'error',
    DB: 'postgres12_pgx',
    POSTGRES_SEEDS: url.hostname,
    DB_PORT: url.port || '5432',
    POSTGRES_USER: decodeURIComponent(url.username),
    POSTGRES_PWD: decodeURIComponent(url.password),
    DBNAME: database,
    VISIBILITY_DBNAME: `${database}_visibility`,
    NUM_HISTORY_SHARDS: String(historyShards),
    BIND_ON_IP: '127.0.0.1',
    TEMPORAL_BROADCAST_ADDRESS: '127.0.0.1',
    DYNAMIC_CONFIG_FILE_PATH: writeDynamicConfig(options.directory),
  };
}

/** JSON is YAML, which is what the server reads. */
function writeDynamicConfig(directory: string): string {
  const path = join(directory, 'temporal-dynamic-config.yaml');
  // Without these two a new namespace is unknown to the frontend for ten seconds, and new search attributes for a minute.
  const settings = {
    ...dynamicConfig,
    'system.namespaceCacheRefreshInterval': '1s',
  };
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, JSON.stringify(Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, [{ value }]]))));
  return path;
}

async function prepareSchema(tool: string, postgresUrl: string, database: string, schema: 'temporal' | 'visibility'): Promise<void> {
  const isNew = await createDatabase(postgresUrl, database);
  const url = new URL(postgresUrl);
  const env = {
    ...process.env,
    SQL_PLUGIN: 'postgres12_pgx',
    SQL_HOST: url.hostname,
    SQL_PORT: url.port || '5432',
    SQL_USER: decodeURIComponent(url.username),
    SQL_PASSWORD: decodeURIComponent(url.password),
    SQL_DATABASE: database,
  };
  if (isNew) await run(tool, ['setup-schema', '-v', '0.0'], { env });
  await run(tool, ['update-schema', '--schema-name', `postgresql/v12/${schema}`], { env });
}

async function createDatabase(postgresUrl: string, database: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (rowCount) return false;
    await client.query(`create database ${pg.escapeIdentifier(database)}`);
    return true;
  } finally {
    await client.end();
  }
}

async function untilReady(program: LeashedProgram, address: string): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  let lastError: unknown;
  while (Date.now() < deadline && !program.hasEnded()) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: '2s' });
      await registerNamespace(connection, 'default').finally(() => connection.close());
      return;
    } catch (error) {
      lastError = error;
      await delay(200);
    }
  }
  await program.stop();
  throw new Error(`The Temporal server did not become ready:\n${program.tail()}`, { cause: lastError });
}
