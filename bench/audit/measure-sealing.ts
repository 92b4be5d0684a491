import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { type NoteSigner, readSigner, writeSigner } from '../../audit/signed-note.ts';
import { sealLogs } from '../../events/seal-logs.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { tenantWithLog } from './audited-tenants.ts';

export interface Sealed {
  tenants: number;
  entries: number;
  checkpoints: number;
  seconds: number;
}

export const benchSigner: NoteSigner = readSigner(writeSigner('bench.invalid/exequatur', randomBytes(32)));

/** One relay's sealing of what has gathered in the logs of so many new tenants, equally many entries in each. */
export async function measureSealing(superuser: pg.Pool, relay: pg.Pool, tenants: number, entries: number): Promise<Sealed> {
  const each = Math.max(1, Math.floor(entries / tenants));
  for (let at = 0; at < tenants; at++) await tenantWithLog(superuser, `sealed-${tenants}-${at}`, each);
  const startedAt = performance.now();
  const checkpoints = await sealEverything(relay);
  return { tenants, entries: each * tenants, checkpoints, seconds: (performance.now() - startedAt) / 1_000 };
}

/** @returns how many checkpoints were signed. */
export async function sealEverything(relay: pg.Pool): Promise<number> {
  let checkpoints = 0;
  for (;;) {
    const { sealed, rewritten } = await sealLogs({ pool: relay, signers: [benchSigner], logger: openLogger('bench') });
    if (rewritten.length > 0) throw new Error('a log was taken for rewritten');
    if (sealed === 0) return checkpoints;
    checkpoints += sealed;
  }
}
