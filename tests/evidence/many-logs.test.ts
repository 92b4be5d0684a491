// More logs than a round takes, sealed and cosigned by the rounds of the relay; a witness, and a clone from tests/support/database.ts.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSigner, writeSigner } from '../../audit/signed-note.ts';
import { tenantWithLog } from '../../bench/audit/audited-tenants.ts';
import { readRelaySettings } from '../../config.ts';
import { mostLogs as mostSealed } from '../../events/seal-logs.ts';
import { sealingRounds } from '../../events/sealing-rounds.ts';
import { mostLogs as mostCosigned } from '../../events/submit-checkpoints.ts';
import { openPool } from '../../store/connect.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';

const key = writeSigner('exequatur.test/log', randomBytes(32));
const directory = mkdtempSync(join(tmpdir(), 'many-logs-'));
let database: TestDatabase;
let witness: WitnessProcess;
beforeAll(async () => {
  [database, witness] = await Promise.all([createTestDatabase(), startWitness(readSigner(key).verifierKey)]);
});
afterAll(async () => {
  await Promise.all([witness?.remove(), database?.drop()]);
  rmSync(directory, { recursive: true });
});

/** How often a round says that it goes on at once, until it does not. */
async function goesOn(round: { work: () => Promise<boolean> } | undefined): Promise<number> {
  for (let times = 0; ; times++) if (!(await round?.work())) return times;
}

it('sealing and cosigning go on at once for as long as rounds are full, so that many logs wait for no pause between them', async () => {
  const superuser = openPool(database.urls.superuser, { max: 1 });
  const relay = openPool(database.urls.relay, { max: 8 });
  try {
    const logs = 2 * Math.max(mostSealed, mostCosigned) + 1;
    for (let at = 0; at < logs; at++) await tenantWithLog(superuser, `many-${at}`, 1);
    writeFileSync(join(directory, 'key'), key);
    const settings = readRelaySettings({
      TEMPORAL_ADDRESS: 'nowhere:1',
      EXEQUATUR_RELAY_DATABASE_URL: database.urls.relay,
      EXEQUATUR_CHECKPOINT_KEY_FILE: join(directory, 'key'),
      EXEQUATUR_WITNESSES: `${witness.url} ${witness.verifierKey}`,
    });
    const rounds = sealingRounds({ settings, pool: relay, registry: new Registry(), logger: openLogger('test') });
    const named = (name: string) => rounds.find((round) => round.name.startsWith(name));
    expect(await goesOn(named('seal'))).toBe(Math.floor(logs / mostSealed));
    expect(await goesOn(named('witness'))).toBe(Math.floor(logs / mostCosigned));
    const { rows } = await superuser.query('SELECT count(DISTINCT tenant_id)::int AS logs FROM exequatur.audit_cosignature');
    expect(rows).toEqual([{ logs }]);
  } finally {
    await Promise.all([superuser.end(), relay.end()]);
  }
});
