import type pg from 'pg';
import type { ProblemCode } from '../ontology/problems.ts';
import { type Tx, withTenant } from './sql.ts';

/** Something that somebody asked for and that neither became nor is about a proposal: those have their own record (`recordRefusal`). */
export interface NotedRefusal {
  /** What the gate was asked. */
  action: string;
  reason: ProblemCode;
  /** Whom or what it is about, as the caller named it, by parts: those who are erased are found by their whole id. */
  named: Readonly<Record<string, string>>;
}

const mostAnHour = 30; // Of each principal: some 700 entries a day of somebody who does nothing else; the rest is counted.

/**
 * Puts refusals on record in a transaction of their own, since what was refused left none. Of each principal so many an hour are entries; the others are counted, and the
 * first entry after that hour says how many they were. A principal who is disabled is told of as who could not log in.
 */
export function noteRefusals(
  pool: pg.Pool,
  { tenant, id }: { tenant: string; id: string },
  refusals: readonly NotedRefusal[],
): Promise<void> {
  return withTenant(pool, tenant, async (tx) => {
    const before = await lockWindow(tx, id);
    if (before === null) return;
    const told = before.over ? 0 : before.told;
    const left = refusals.slice(0, Math.max(0, mostAnHour - told));
    const untold = (before.over ? 0 : before.untold) + refusals.length - left.length;
    tx.send(
      `UPDATE exequatur.refusal_window w SET told = $2::int, untold = $3::bigint, started_at = CASE WHEN $4::boolean THEN exequatur.clock() ELSE w.started_at END
        WHERE w.principal_id = $1`,
      [id, Math.max(1, told + left.length), untold, before.over],
    );
    for (const [at, { action, reason, named }] of left.entries()) {
      const suppressed = at === 0 && before.over && before.untold > 0 ? { suppressed: before.untold } : {};
      tx.audit({ type: 'decision.refused', facts: { action, reason, ...suppressed }, personal: { ...named, actor: id } });
    }
  });
}

/** What is known of this hour, with its row locked until the transaction ends. Null of a tenant that is none, and of whoever is disabled. */
async function lockWindow(tx: Tx, id: string): Promise<{ told: number; untold: number; over: boolean } | null> {
  const [row] = await tx.rows<{ told: number; untold: number; over: boolean }>(
    `INSERT INTO exequatur.refusal_window AS w (tenant_id, principal_id, started_at, told, untold)
     SELECT t.tenant_id, $1, '-infinity', 1, 0 FROM exequatur.tenant t WHERE NOT EXISTS (SELECT FROM exequatur.principal p WHERE p.id = $1 AND p.disabled)
     ON CONFLICT (tenant_id, principal_id) DO UPDATE SET told = w.told
     RETURNING w.told, w.untold::float8 AS untold, w.started_at + interval '1 hour' <= exequatur.clock() AS over`,
    [id],
  );
  return row ?? null;
}
