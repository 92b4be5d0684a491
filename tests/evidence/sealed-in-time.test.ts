// The relay as it is deployed, another process, over a clone from tests/support/database.ts; Temporal is away, which sealing does not need.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

interface Wait {
  /** Since 1970, ms. */
  from: number;
  /** For the first checkpoint that covers the entry; null while it still waits. */
  ms: number | null;
}

/** Of each entry, by the clock of the database. */
async function waits(): Promise<Wait[]> {
  const { rows } = await scene.superuser.query<Wait>(
    `SELECT extract(epoch FROM e.at)::float8 * 1000 AS "from", (SELECT extract(epoch FROM min(c.created_at) - e.at) * 1000 FROM exequatur.audit_checkpoint c WHERE c.tenant_id = e.tenant_id AND c.size >= e.seq)::float8 AS ms
       FROM exequatur.audit_entry e WHERE e.tenant_id = $1 AND e.type = 'switch.changed' ORDER BY e.seq`,
    [scene.api.tenant],
  );
  return rows;
}

interface Beat {
  from: number;
  until: number;
  /** How much longer it took than it would on a machine that has nothing else to do. */
  lateMs: number;
}

const beatMs = 50;

/** What the machine keeps a process waiting that, as the relay does, sleeps, asks the database, and has something committed. */
async function listen(beats: Beat[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const from = Date.now();
    await sleep(beatMs);
    await scene.superuser.query("SELECT pg_logical_emit_message(true, 'beat', '')");
    const until = Date.now();
    beats.push({ from, until, lateMs: until - from - beatMs });
  }
}

it('every entry is under a signed checkpoint within a second, and what the machine keeps everybody waiting', async () => {
  const beats: Beat[] = [];
  const heard = new AbortController();
  const listening = listen(beats, heard.signal);
  try {
    for (let at = 0; at <= entries; at++) {
      await withTenant(scene.worker, scene.api.tenant, async (tx) => void tx.audit({ type: 'switch.changed', facts: { at } }));
      await expect.poll(async () => (await waits()).at(-1)?.ms, { interval: 170 }).not.toBeNull();
    }
  } finally {
    heard.abort();
    await listening;
  }
  const [, ...others] = await waits(); // The first has waited for the relay to start.
  expect(others).toHaveLength(entries);
  const found = others.map(({ from, ms }) => {
    const until = from + (ms ?? Number.POSITIVE_INFINITY);
    const lateMs = beats.filter((beat) => beat.until > from && beat.from < until).reduce((sum, beat) => sum + beat.lateMs, 0);
    return { ms: until - from, lateMs };
  });
  const said = found.map(({ ms, lateMs }) => `${Math.round(ms)} (${lateMs} late)`).join(', ');
  expect(Math.max(...found.map(({ ms, lateMs }) => ms - lateMs)), said).toBeLessThan(1_000);
});
