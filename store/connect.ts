import pg from 'pg';
import { traceQueries } from '../telemetry/spans.ts';

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
    pipeline: true, // Statements are sent without waiting for the answers to those before; PostgreSQL runs them in order.
    application_name: options.applicationName ?? 'exequatur',
    connectionTimeoutMillis: connectTimeoutMs,
  });
  // A connection that PostgreSQL closes while idle is replaced by the pool; without a listener the event would end the process.
  pool.on('error', () => {});
  // The same for one that is lost in the middle of a transaction, whose statements fail and tell whoever waits for them.
  pool.on('connect', (client) => client.on('error', () => {}));
  traceQueries(pool);
  return pool;
}
