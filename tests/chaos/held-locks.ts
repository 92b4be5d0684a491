import pg from 'pg';
import type { LampShop } from '../workflows/lamp-shop.ts';

/** Opens a transaction that runs this statement, and returns how to let go of the locks that it took. */
export async function holdLocks(shop: Pick<LampShop, 'database'>, statement: string, values: unknown[] = []): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: shop.database.urls.superuser });
  await client.connect();
  await client.query('BEGIN');
  await client.query(statement, values);
  return () => client.end();
}

/** Whether a process stands in the middle of a transaction, waiting for one of these locks. */
export async function waitsForLock(shop: Pick<LampShop, 'query'>, applicationName: string): Promise<boolean> {
  const rows = await shop.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1 AND wait_event_type = 'Lock'`,
    [`${applicationName}%`],
  );
  return rows.length > 0;
}
