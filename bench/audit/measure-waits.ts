import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { auditEntry } from '../../audit/entry.ts';
import { tileWidth } from '../../audit/merkle.ts';
import { writeSigner } from '../../audit/signed-note.ts';
import { severalAtOnce } from '../../events/several-at-once.ts';
import { type SupervisedProcess, supervise } from '../../scripts/processes/supervised-process.ts';
import { quantile } from '../statistics.ts';
import { processorSecondsOf } from './peak-of-process.ts';

export interface Waited {
  logs: number;
  /** Entries that each log got in a second, and for how many seconds. */
  rate: number;
  seconds: number;
  entries: number;
  /** From an entry's commit to that of the first checkpoint that covers it, ms. */
  p50: number;
  p99: number;
  most: number;
  /** The share of entries that were covered within a second. */
  withinSecond: number;
  checkpoints: number;
  /** Processor time of the relay, of its connections to the database, and of those that wrote the entries, in seconds of each second. */
  relay: number;
  relayDatabase: number;
  writers: number;
}

interface WaitDeps {
  superuser: pg.Pool;
  superuserUrl: string;
  relayUrl: string;
  /** For the key. */
  directory: string;
}

interface Load {
  logs: number;
  rate: number;
  seconds: number;
}

const writersAtOnce = 4;
const together = 10; // Logs that grow by one transaction: what it takes to write is not what is measured.
const warmUpMs = 3_000; // Through the relay's first rounds; what is committed then is not counted.
const patienceMs = 60_000;
const seed = Buffer.alloc(32, 7);

/**
 * The product's relay beside so many logs that go on growing, each by its entries once in a second, all spread over the second. What does not get done
 * in time is late, and shows: the next is due when it was. @throws where the machine does not write that fast.
 */
export async function measureWaits(deps: WaitDeps, load: Load): Promise<Waited> {
  await demandCommitTimes(deps.superuser);
  const tenants = await newTenants(deps.superuser, load.logs);
  const keyFile = join(deps.directory, `waits-${load.logs}.key`);
  writeFileSync(keyFile, writeSigner('bench.invalid/exequatur', seed));
  const relay = startRelay(deps.relayUrl, keyFile);
  const writers = new pg.Pool({
    connectionString: deps.superuserUrl,
    max: writersAtOnce,
    application_name: 'bench-writers',
    idleTimeoutMillis: 0,
  });
  try {
    await fill(writers, tenants);
    await untilSealed(deps.superuser);
    await grow(writers, tenants, { ...load, seconds: warmUpMs / 1_000 });
    const before = await processorTimes(deps.superuser, relay);
    const { rows } = await deps.superuser.query<{ from: string }>('SELECT clock_timestamp()::text AS from');
    const startedAt = performance.now();
    await grow(writers, tenants, load);
    const lasted = (performance.now() - startedAt) / 1_000;
    const after = await processorTimes(deps.superuser, relay);
    if (lasted > load.seconds * 1.2)
      throw new Error(
        `${load.logs} logs: what was due in ${load.seconds} s took ${lasted.toFixed(1)} s to write, by ${(after.writers - before.writers).toFixed(1)} s of processors`,
      );
    await untilSealed(deps.superuser);
    const share = (name: keyof ProcessorTimes) => (after[name] - before[name]) / lasted;
    return {
      ...load,
      ...(await waitsSince(deps.superuser, tenants, rows[0]?.from ?? '')),
      relay: share('relay'),
      relayDatabase: share('relayDatabase'),
      writers: share('writers'),
    };
  } finally {
    await relay.stop();
    await writers.end();
  }
}

async function demandCommitTimes(superuser: pg.Pool): Promise<void> {
  const { rows } = await superuser.query<{ track_commit_timestamp: string }>('SHOW track_commit_timestamp');
  if (rows[0]?.track_commit_timestamp !== 'on')
    throw new Error('how long entries wait is measured where the server has track_commit_timestamp on');
}

async function newTenants(superuser: pg.Pool, logs: number): Promise<string[]> {
  const { rows } = await superuser.query<{ id: string }>(
    `SELECT exequatur.ensure_tenant(s.slug, s.slug) AS id FROM (SELECT 'waits-' || $1 || '-' || n AS slug FROM generate_series(1, $1::int) n) s`,
    [logs],
  );
  return rows.map(({ id }) => id);
}

function startRelay(relayUrl: string, keyFile: string): SupervisedProcess {
  return supervise({
    name: 'relay',
    entry: 'events/relay.ts',
    env: {
      LOG_LEVEL: 'warn',
      EXEQUATUR_RELAY_DATABASE_URL: relayUrl,
      EXEQUATUR_RELAY_METRICS_PORT: '0',
      EXEQUATUR_CHECKPOINT_KEY_FILE: keyFile,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    },
    onLine: (_, line) => {
      if (!line.includes('Temporal does not answer')) console.log(line);
    },
  });
}

/** Every log has begun its tile, each as far as another. */
async function fill(writers: pg.Pool, tenants: readonly string[]): Promise<void> {
  const sizes = tenants.map((tenant, at) => ({ tenant, size: 1 + ((at * 37) % tileWidth) }));
  await severalAtOnce(sizes, writersAtOnce, ({ tenant, size }) => append(writers, [tenant], size));
}

async function grow(writers: pg.Pool, tenants: readonly string[], { rate, seconds }: Omit<Load, 'logs'>): Promise<void> {
  const startedAt = performance.now();
  const total = Math.round(tenants.length * seconds);
  let turn = 0;
  const writer = async () => {
    for (let mine = turn; mine < total; mine = turn) {
      const beyond = Math.min(total, mine + Math.min(together, tenants.length));
      turn = beyond;
      const dueMs = startedAt + ((beyond - 1) * 1_000) / tenants.length - performance.now();
      if (dueMs > 0) await sleep(dueMs);
      const due = Array.from({ length: beyond - mine }, (_, at) => tenants[(mine + at) % tenants.length] ?? '');
      await append(writers, due, rate);
    }
  };
  await Promise.all(Array.from({ length: writersAtOnce }, writer));
  const restMs = startedAt + seconds * 1_000 - performance.now();
  if (restMs > 0) await sleep(restMs);
}

/** In one transaction. */
async function append(writers: pg.Pool, tenants: readonly string[], entries: number): Promise<void> {
  const made = tenants.map((tenant) => ({
    tenant,
    entries: Array.from({ length: entries }, () => auditEntry({ type: 'switch.changed', facts: { switch: randomUUID() } })),
  }));
  await writers.query({
    name: 'append',
    text: `SELECT exequatur.append_entries(m.made -> 'entries')
             FROM set_config('session_replication_role', 'replica', false) r, jsonb_array_elements($1::jsonb) m(made), set_config('app.tenant', m.made ->> 'tenant', false) t`,
    values: [JSON.stringify(made)],
  });
}

async function untilSealed(superuser: pg.Pool): Promise<void> {
  for (const until = Date.now() + patienceMs; ; await sleep(100)) {
    const { rows } = await superuser.query<{ behind: number }>(
      `SELECT count(*)::int AS behind FROM exequatur.audit_head h
        WHERE h.seq > coalesce((SELECT c.size FROM exequatur.audit_checkpoint c WHERE c.tenant_id = h.tenant_id ORDER BY c.size DESC LIMIT 1), 0)`,
    );
    if (rows[0]?.behind === 0) return;
    if (Date.now() > until) throw new Error(`${rows[0]?.behind} logs are not sealed`);
  }
}

interface ProcessorTimes {
  relay: number;
  relayDatabase: number;
  writers: number;
}

/** Of processes that run now, in seconds; connections are kept open while there is work. */
async function processorTimes(superuser: pg.Pool, relay: SupervisedProcess): Promise<ProcessorTimes> {
  const { rows } = await superuser.query<{ pid: number; of: string }>(
    "SELECT pid, application_name AS of FROM pg_stat_activity WHERE application_name IN ('exequatur-relay', 'bench-writers')",
  );
  const spentBy = (name: string) => rows.filter((row) => row.of === name).reduce((sum, { pid }) => sum + processorSecondsOf(pid), 0);
  return { relay: processorSecondsOf(relay.pid() ?? 0), relayDatabase: spentBy('exequatur-relay'), writers: spentBy('bench-writers') };
}

async function waitsSince(superuser: pg.Pool, tenants: readonly string[], from: string) {
  const { rows } = await superuser.query<{ ms: number }>(
    `SELECT extract(epoch FROM c.at - pg_xact_commit_timestamp(e.xmin))::float8 * 1000 AS ms
       FROM exequatur.audit_entry e
      CROSS JOIN LATERAL (SELECT pg_xact_commit_timestamp(x.xmin) AS at FROM exequatur.audit_checkpoint x WHERE x.tenant_id = e.tenant_id AND x.size >= e.seq ORDER BY x.size LIMIT 1) c
      WHERE e.tenant_id = ANY ($1::uuid[]) AND e.at >= $2::timestamptz`,
    [tenants, from],
  );
  const { rows: signed } = await superuser.query<{ checkpoints: number }>(
    'SELECT count(*)::int AS checkpoints FROM exequatur.audit_checkpoint c WHERE c.tenant_id = ANY ($1::uuid[]) AND c.created_at >= $2::timestamptz',
    [tenants, from],
  );
  const waits = rows.map(({ ms }) => ms);
  return {
    entries: waits.length,
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
    most: quantile(waits, 1),
    withinSecond: waits.filter((ms) => ms <= 1_000).length / waits.length,
    checkpoints: signed[0]?.checkpoints ?? 0,
  };
}
