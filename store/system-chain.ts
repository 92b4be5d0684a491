import type pg from 'pg';
import { type AuditEntryInput, auditEntry } from '../audit/entry.ts';
import { type Tx, withTenant } from './sql.ts';
import { isDisabled } from './standing.ts';

/** The tenant of the system's own chain. Nobody belongs to it: a token that names it is refused. */
export const systemTenant = '00000000-0000-0000-0000-000000000000';

const append = 'SELECT exequatur.append_system($1::jsonb, $2::bigint)::float8 AS suppressed';
const given = (entries: readonly AuditEntryInput[], uncounted: number) => [
  JSON.stringify(entries.map((input) => auditEntry(input))),
  uncounted,
];

/**
 * Appends to the system's chain, which takes so many failed logins a minute and counts the rest; `uncounted` are more that the caller did not keep. @returns how many of
 * the present minute are only counted: they are an entry with the next call after it.
 */
export async function appendSystem(pool: pg.Pool, entries: readonly AuditEntryInput[], uncounted = 0): Promise<number> {
  const { rows } = await pool.query<{ suppressed: number }>({ name: 'append_system', text: append, values: given(entries, uncounted) });
  return rows[0]?.suppressed ?? 0;
}

/** The same in a transaction that is open, of which it MUST be the last statement: it locks the head of the chain. */
export function appendSystemLast(tx: Tx, entries: readonly AuditEntryInput[]): void {
  tx.send(append, given(entries, 0));
}

/** Why a genuine token opened nothing, where it is its bearer's fault as a whole: the tenant is none of ours, or the principal was disabled, which the tenant's log then tells. */
export function noteTurnedAway(
  pool: pg.Pool,
  { tenant, id }: { tenant: string; id: string },
): Promise<'unknown tenant' | 'disabled' | null> {
  return withTenant(pool, tenant, async (tx: Tx) => {
    const [row] = await tx.rows<{ known: boolean; disabled: boolean | null }>(
      `SELECT EXISTS (SELECT FROM exequatur.tenant) AS known, (SELECT ${isDisabled('p')} FROM exequatur.principal p WHERE p.id = $1) AS disabled`,
      [id],
    );
    if (row?.known !== true) return 'unknown tenant';
    if (row.disabled !== true) return null;
    tx.audit({ type: 'login.refused', facts: { reason: 'disabled' }, personal: { principal: id } });
    return 'disabled';
  });
}
