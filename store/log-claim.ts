import type pg from 'pg';

export interface Claimed<T> {
  logs: T[];
  /** Says that work goes on: to be called more often than every fifteen seconds. Of a claim that was ended nothing is said; what is done under it twice is harmless. */
  renew(): Promise<void>;
  /** Others may claim them from here on. */
  release(): Promise<void>;
}

const mostIdleMs = 15_000; // Of a relay that stands still: then PostgreSQL ends its claim, and others do what it had.

/**
 * Logs that nobody else gets until they are released, or the process has died. Claims are locks that `find` takes in a transaction that does nothing else: it holds nothing that
 * writers wait for, and what is read and stored meanwhile goes over other connections of the pool, of which there MUST be more than claims.
 */
export async function claimLogs<T>(pool: pg.Pool, find: (client: pg.PoolClient) => Promise<T[]>): Promise<Claimed<T>> {
  const client = await pool.connect();
  const release = () =>
    client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true), // It was ended, and the claim with it.
    );
  try {
    const [, , logs] = await Promise.all([
      client.query('BEGIN'),
      client.query("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", [String(mostIdleMs)]),
      find(client),
    ]);
    const renew = () =>
      client.query('SELECT').then(
        () => {},
        () => {},
      );
    return { logs, renew, release };
  } catch (error) {
    await release();
    throw error;
  }
}
