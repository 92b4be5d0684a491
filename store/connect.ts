import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { traceQueries } from '../telemetry/spans.ts';
import { preparedStatementName } from './sql.ts';

const poolSize = 10; // More connections than this on two cores wait for each other inside PostgreSQL instead of in front of it.
const connectTimeoutMs = 10_000;

export interface PoolOptions {
  max?: number;
  /** Seen in pg_stat_activity. */
  applicationName?: string;
}

export function openPool(url: string, options: PoolOptions = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? poolSize,
    application_name: options.applicationName ?? 'exequatur',
    connectionTimeoutMillis: connectTimeoutMs,
  });
  // A connection that PostgreSQL closes while idle is replaced by the pool; without a listener the event would end the process.
  pool.on('error', () => {});
  traceQueries(pool);
  return pool;
}

/** A Prisma client on a pool of its own. Closing it (`$disconnect`) closes the pool. */
export function openPrisma(url: string, options: PoolOptions = {}): PrismaClient {
  const adapter = new PrismaPg(openPool(url, options), {
    schema: 'exequatur',
    disposeExternalPool: true,
    statementNameGenerator: preparedStatementName,
  });
  return new PrismaClient({ adapter });
}
