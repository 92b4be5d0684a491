import { openPool } from '../../store/connect.ts';
import { isOutage } from '../../store/is-outage.ts';

/** The database was there, and what it holds could not be brought to this version: the one failure of a start that starting empty mends. */
export class OutdatedState extends Error {
  override readonly name = 'OutdatedState';
}

/** What a migration that failed says of the state: nothing, while the database is away. */
export async function whyNotMigrated(url: string, error: unknown): Promise<unknown> {
  const pool = openPool(url, { max: 1 });
  pool.on('error', () => {}); // A connection that breaks while it is idle has nothing to add.
  try {
    if (await isOutage(pool, error)) return error;
    return new OutdatedState(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    await pool.end();
  }
}
