import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { announceChange } from '../../store/announce-change.ts';
import { withTenant } from '../../store/sql.ts';
import { quantile } from '../statistics.ts';
import { disclosuresPerLifecycle, entriesPerLifecycle, tenantWithLog } from './audited-tenants.ts';

export interface Erased {
  entries: number;
  disclosures: number;
  seconds: number;
  /** How long others of the tenant waited, who each wrote one entry meanwhile, ms. */
  writes: number;
  p50: number;
  most: number;
}

const whom = 'duty-manager-1';
const pauseMs = 5;

/** Erases somebody of whom the log of a tenant discloses so much, while somebody else goes on writing to that log, one transaction after the other. */
export async function measureErasure(superuser: pg.Pool, api: pg.Pool, disclosures: number): Promise<Erased> {
  const entries = Math.ceil(disclosures / disclosuresPerLifecycle) * entriesPerLifecycle;
  const tenant = await tenantWithLog(superuser, `erased-${disclosures}`, entries);
  await superuser.query(
    `INSERT INTO exequatur.principal (tenant_id, id, kind, person, disabled, first_seen_at, updated_at) SELECT $1, $2, 'user', $2, true, clock_timestamp(), clock_timestamp() FROM set_config('session_replication_role', 'replica', false) r`,
    [tenant, whom],
  );
  await superuser.query('VACUUM (ANALYZE) exequatur.audit_entry, exequatur.audit_disclosure');
  let isDone = false;
  const waits: number[] = [];
  const write = async () => {
    while (!isDone) {
      const startedAt = performance.now();
      await withTenant(api, tenant, async (tx) => void tx.audit({ type: 'switch.changed', facts: {} }));
      waits.push(performance.now() - startedAt);
      await sleep(pauseMs);
    }
  };
  const writing = write();
  const startedAt = performance.now();
  try {
    const erased = await withTenant(api, tenant, async (tx) => {
      announceChange(tx, {
        type: 'principal.erased',
        subject: `principal/${whom}`,
        facts: {},
        personal: { actor: 'access-admin-1', reason: 'it is measured' },
        data: { principalId: whom },
      });
      const entries = JSON.stringify(tx.takeEntries());
      const [row] = await tx.rows<{ erased: { disclosures: number } }>('SELECT exequatur.erase_personal_data($1, $2::jsonb) AS erased', [
        whom,
        entries,
      ]);
      return row?.erased.disclosures ?? 0;
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    return { entries, disclosures: erased, seconds, writes: waits.length, p50: quantile(waits, 0.5), most: quantile(waits, 1) };
  } finally {
    isDone = true;
    await writing;
  }
}
