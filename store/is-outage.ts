import type pg from 'pg';
import { inTime } from './in-time.ts';
import { sqlStateOf } from './sql-state.ts';

/**
 * SQLSTATEs that say "not now": connection lost, server starting, stopping or failing over (read-only), login refused while a password is being changed, no
 * resources, a lock or conflict that outlasted every retry.
 */
const passing = /^(08|28|53|57P|58|25006|3D000|40001|40P01|55P03)/;
const networkCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);
export const probeTimeoutMs = 2_000;

/** There was no connection, or it broke in the middle of a transaction, of which nobody knows any more whether it was committed. The driver says so in words alone. */
export class ConnectionLost extends Error {}

/**
 * Whether an error came from the database being away, so that trying again is all there is to do. Where the error itself does not say, the database is asked whether
 * it is there: the driver reports some lost connections with words alone.
 */
export async function isOutage(pool: pg.Pool, error: unknown): Promise<boolean> {
  const state = sqlStateOf(error);
  if (state !== null) return passing.test(state);
  if (error instanceof ConnectionLost) return true; // Whether or not the database is there again.
  if (networkCodes.has(String((error as { code?: unknown } | null)?.code))) return true;
  return !(await answers(pool));
}

/** Whether the database answers within two seconds. */
function answers(pool: pg.Pool): Promise<boolean> {
  return inTime(
    pool.query('SELECT 1').then(() => true),
    probeTimeoutMs,
    false,
  );
}
