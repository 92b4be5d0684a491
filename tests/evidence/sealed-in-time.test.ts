// The relay as it is deployed, another process, over a clone from tests/support/database.ts; Temporal is away, which sealing does not need.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSigner } from '../../audit/signed-note.ts';
import { freePort } from '../../scripts/processes/free-port.ts';
import { withTenant } from '../../store/sql.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
let relay: KillableProcess;
const directory = mkdtempSync(join(tmpdir(), 'sealed-'));
beforeAll(async () => {
  scene = await EvidenceScene.open();
  const keyFile = join(directory, 'key');
  writeFileSync(keyFile, writeSigner('exequatur.test/log', randomBytes(32)));
  relay = startKillable('relay', 'events/relay.ts', {
    DATABASE_URL: '',
    EXEQUATUR_RELAY_DATABASE_URL: scene.api.database.urls.relay,
    EXEQUATUR_RELAY_METRICS_PORT: String(await freePort()),
    EXEQUATUR_CHECKPOINT_KEY_FILE: keyFile,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  });
});
afterAll(async () => {
  await relay?.stop();
  await scene?.close();
  rmSync(directory, { recursive: true });
});

const entries = 10;

/** How long each entry waited for the first checkpoint that covers it, ms, by the clock of the database; null of one that still does. */
async function waits(): Promise<(number | null)[]> {
  const { rows } = await scene.superuser.query<{ ms: number | null }>(
    `SELECT (SELECT extract(epoch FROM min(c.created_at) - e.at) * 1000 FROM exequatur.audit_checkpoint c WHERE c.tenant_id = e.tenant_id AND c.size >= e.seq)::float8 AS ms
       FROM exequatur.audit_entry e WHERE e.tenant_id = $1 AND e.type = 'switch.changed' ORDER BY e.seq`,
    [scene.api.tenant],
  );
  return rows.map(({ ms }) => ms);
}

it('an entry is under a signed checkpoint within a second', async () => {
  for (let at = 0; at < entries; at++) {
    await withTenant(scene.worker, scene.api.tenant, async (tx) => void tx.audit({ type: 'switch.changed', facts: { at } }));
    await expect.poll(async () => (await waits()).at(-1), { timeout: 20_000, interval: 170 }).not.toBeNull();
  }
  const sorted = (await waits()).map((ms) => ms ?? Number.POSITIVE_INFINITY).sort((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)]; // A host that does other things holds single ones up.
  expect(median, sorted.map((ms) => Math.round(ms)).join(' ')).toBeLessThan(1_000);
}, 90_000); // It waits for each of them in turn.
