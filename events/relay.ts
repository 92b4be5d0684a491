import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Counter, Gauge } from 'prom-client';
import { type NoteSigner, readSigner } from '../audit/signed-note.ts';
import { readRelaySettings } from '../config.ts';
import { openPool } from '../store/connect.ts';
import { answers } from '../store/is-outage.ts';
import { openLogger } from '../telemetry/logger.ts';
import { openRegistry, serveOperations } from '../telemetry/metrics.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { keepSchedules } from './keep-schedules.ts';
import { poll } from './poll.ts';
import { redeliverNudges } from './redeliver-nudges.ts';
import { restartLostWorkflows } from './restart-lost-workflows.ts';
import { sealLogs } from './seal-logs.ts';
import { startIndexBuilds } from './start-index-builds.ts';
import { startMigrations } from './start-migrations.ts';
import { startReviewWaits } from './start-review-waits.ts';

/**
 * The relay process: what was committed and not told to Temporal is told again, and open proposals whose workflow Temporal has lost get a new one. Any number of
 * relays may run; what two do twice is harmless.
 */
const settings = readRelaySettings();
const logger = openLogger('relay');
const tracing = startTracing('exequatur-relay');
const registry = openRegistry('relay');

const nudgeEveryMs = 500; // Adds to the two seconds after which a nudge counts as missed: a proposal made while Temporal restarts starts within about three.
const sweepEveryMs = 30_000; // How long Temporal's loss of all data may go unnoticed; each sweep asks Temporal once per open proposal.

const sealEveryMs = 500; // An entry is under a checkpoint within a second.

const schedulesEveryMs = 1_000; // How late a new schedule may be known to Temporal.
let schedulesCheckedAt = Number.NEGATIVE_INFINITY; // By the monotonic clock: the machine's own may be set.

const definitionsEveryMs = 5_000; // How much later an index or a migration is begun whose start the API could not deliver.

/** gRPC's own pauses between attempts to reconnect grow to two minutes, for which long nothing would catch up after Temporal is back. */
const channelArgs = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000 };

const redelivered = new Counter({
  name: 'exequatur_relay_nudges_redelivered_total',
  help: 'Nudges that the API had not got delivered.',
  registers: [registry],
});
const restarted = new Counter({
  name: 'exequatur_relay_workflows_restarted_total',
  help: 'Workflows started anew because Temporal had lost them.',
  registers: [registry],
});
const attention = new Gauge({
  name: 'exequatur_proposals_needing_attention',
  help: 'Proposals whose execution cannot be undone by itself, for at least ten seconds, as of the newest sweep.',
  registers: [registry],
});
const checkpoints = new Counter({
  name: 'exequatur_audit_checkpoints_total',
  help: 'Checkpoints signed over tenants\u2019 audit logs.',
  registers: [registry],
});
const rewrittenLogs = new Gauge({
  name: 'exequatur_audit_logs_rewritten',
  help: 'Logs that no longer say what was signed of them, as of the newest round; they are sealed no further.',
  registers: [registry],
});
const failing = new Gauge({
  name: 'exequatur_relay_failing',
  help: '1 while the newest round failed.',
  labelNames: ['round'],
  registers: [registry],
});

const signer =
  settings.EXEQUATUR_CHECKPOINT_KEY_FILE === undefined
    ? undefined
    : readSigner(readFileSync(settings.EXEQUATUR_CHECKPOINT_KEY_FILE, 'utf8'));
if (signer === undefined) logger.warn('no key for checkpoints: audit logs are not sealed');
const pool = openPool(settings.EXEQUATUR_RELAY_DATABASE_URL, { max: 4, applicationName: 'exequatur-relay' });
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

let connection: Connection | undefined;
const operations = await serveOperations({
  registry,
  host: settings.EXEQUATUR_HOST,
  port: settings.EXEQUATUR_RELAY_METRICS_PORT,
  ready: async () => (await isTemporalUp()) && (await answers(pool)),
});
connection = await connect();
if (connection !== undefined) await relay(new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE, plugins: tracing.plugins }));
await operations.close();
await connection?.close();
await pool.end();
await tracing.stop();
logger.info('the relay has stopped');

async function relay(client: Client): Promise<void> {
  const deps = { pool, client, taskQueue: settings.EXEQUATUR_TASK_QUEUE, logger };
  const round = (name: string, everyMs: number, work: () => Promise<boolean>) =>
    poll({ name, everyMs, work, logger, signal: stop.signal, onRound: (ok) => failing.set({ round: name }, ok ? 0 : 1) });
  logger.info({ metricsPort: operations.port }, 'the relay is polling');
  await Promise.all([
    round('nudges', nudgeEveryMs, async () => {
      const count = await redeliverNudges(deps);
      redelivered.inc(count);
      return count > 0;
    }),
    round('sweep', sweepEveryMs, async () => {
      restarted.inc(
        (await restartLostWorkflows({ ...deps, onAttention: (proposals) => attention.set(proposals) })) + (await startReviewWaits(deps)),
      );
      return false;
    }),
    ...(signer === undefined ? [] : [round('seal', sealEveryMs, () => seal(signer))]),
    round('schedules', schedulesEveryMs, async () => {
      const everything = performance.now() - schedulesCheckedAt > sweepEveryMs;
      await keepSchedules(deps, everything);
      if (everything) schedulesCheckedAt = performance.now();
      return false;
    }),
    round('definitions', definitionsEveryMs, async () => {
      await startIndexBuilds(deps);
      await startMigrations(deps);
      return false;
    }),
  ]);
}

async function seal(signer: NoteSigner): Promise<boolean> {
  const { sealed, rewritten } = await sealLogs({ pool, signer, logger });
  checkpoints.inc(sealed);
  rewrittenLogs.set(rewritten.length);
  return false;
}

async function isTemporalUp(): Promise<boolean> {
  const patienceMs = 1_000; // Probes come every few seconds and must not pile up.
  const opened = connection;
  if (opened === undefined) return false;
  await opened.withDeadline(Date.now() + patienceMs, () => opened.healthService.check({}));
  return true;
}

/** Temporal may start after the relay. Undefined when the process was told to stop before it did. */
async function connect(): Promise<Connection | undefined> {
  const pauseMs = 1_000;
  while (!stop.signal.aborted) {
    try {
      return await Connection.connect({ address: settings.TEMPORAL_ADDRESS, channelArgs });
    } catch {
      logger.warn({ address: settings.TEMPORAL_ADDRESS }, 'Temporal does not answer yet');
      await sleep(pauseMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
  return undefined;
}
