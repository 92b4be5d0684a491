import type { Socket } from 'node:net';
import pg from 'pg';
import { traceQueries } from '../telemetry/spans.ts';

const poolSize = 10; // More connections than this on two cores wait for each other inside PostgreSQL instead of in front of it.
const connectTimeoutMs = 10_000;
const idleTimeoutMs = 10 * 60_000; // A new connection compiles the functions of the door and plans each statement anew, some hundred milliseconds of a processor.

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
    idleTimeoutMillis: idleTimeoutMs,
  });
  // A connection that PostgreSQL closes while idle is replaced by the pool; without a listener the event would end the process.
  pool.on('error', () => {});
  // The same for one that is lost in the middle of a transaction, whose statements fail and tell whoever waits for them.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('connect', sendTogether);
  traceQueries(pool);
  return pool;
}

/**
 * What is asked for in one turn of the event loop goes out in one message: BEGIN, the tenant, and the statements that do not wait for each other. Written one by one,
 * each wakes the backend.
 */
function sendTogether(client: pg.PoolClient): void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const query = client.query.bind(client) as (...asked: unknown[]) => unknown;
  let corked = false;
  const asked = (...args: unknown[]): unknown => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(() => {
        corked = false;
        stream.uncork();
      });
    }
    return query(...args);
  };
  client.query = asked as typeof client.query;
}
