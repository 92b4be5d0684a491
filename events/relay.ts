import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Counter, Gauge } from 'prom-client';
import { readRelaySettings } from '../config.ts';
import { openPool } from '../store/connect.ts';
import { DatabaseProbe } from '../store/database-probe.ts';
import { owedReviews } from '../store/relay-work.ts';
import { openLogger } from '../telemetry/logger.ts';
import { openRegistry, serveOperations } from '../telemetry/metrics.ts';
import { isTemporalUp } from '../telemetry/temporal-probe.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { kafkaSettings } from './kafka-connection.ts';
import { keepSchedules } from './keep-schedules.ts';
import { poll, type Round } from './poll.ts';
import { publishingRounds } from './publishing-rounds.ts';
import { redeliverNudges } from './redeliver-nudges.ts';
import { restartLostWorkflows } from './restart-lost-workflows.ts';
import { retentionRounds } from './retention-rounds.ts';
import { sealingRounds } from './sealing-rounds.ts';
import { startIndexBuilds } from './start-index-builds.ts';
import { startMigrations } from './start-migrations.ts';
import { startReviewWaits } from './start-review-waits.ts';
import { watchSchedules } from './watch-schedules.ts';
import { webhookRounds } from './webhook-rounds.ts';

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
const owed = new Gauge({
  name: 'exequatur_emergency_reviews_owed',
  help: 'Emergencies that were executed and that nobody has reviewed: in time still, and no more, as of the newest sweep.',
  labelNames: ['state'],
  registers: [registry],
});
const failing = new Gauge({
  name: 'exequatur_relay_failing',
  help: '1 while the newest round failed.',
  labelNames: ['round'],
  registers: [registry],
});

/** A claim of logs holds one while others do its work: sealing, and each witness. */
const connections = 8 + settings.EXEQUATUR_WITNESSES.length;
const pool = openPool(settings.EXEQUATUR_RELAY_DATABASE_URL, { max: connections, applicationName: 'exequatur-relay' });
const probe = new DatabaseProbe(settings.EXEQUATUR_RELAY_DATABASE_URL, 'exequatur-relay-probe');
const sealing = sealingRounds({ settings, pool, registry, logger });
const retention = retentionRounds({ pool, keptDays: settings.EXEQUATUR_EVENTS_KEPT_DAYS, registry });
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const kafka = kafkaSettings(settings);
const publishing = kafka === undefined ? undefined : publishingRounds({ pool, kafka, registry, logger, signal: stop.signal });
const webhooks = webhookRounds({ settings, registry, logger, signal: stop.signal });
if (publishing === undefined)
  logger.warn(
    { keptDays: settings.EXEQUATUR_EVENTS_KEPT_DAYS },
    'no Kafka brokers: events are read from the API; once there are some, what is kept is published',
  );

let connection: Connection | undefined;
const operations = await serveOperations({
  registry,
  host: settings.EXEQUATUR_HOST,
  port: settings.EXEQUATUR_RELAY_METRICS_PORT,
  ready: async () => connection !== undefined && (await isTemporalUp(connection, settings.TEMPORAL_NAMESPACE)) && (await probe.isWell()),
});
// Logs are sealed and events go out whether Temporal is there or not.
await Promise.all([...[...sealing, ...retention, ...webhooks.rounds, ...(publishing?.rounds ?? [])].map(repeat), driveTemporal()]);
await operations.close();
await Promise.all([webhooks.close(), publishing?.close()]);
await connection?.close();
await Promise.all([pool.end(), probe.end()]);
await tracing.stop();
logger.info('the relay has stopped');

function repeat(round: Round): Promise<void> {
  return poll({ ...round, logger, signal: stop.signal, onRound: (ok) => failing.set({ round: round.name }, ok ? 0 : 1) });
}

function round(name: string, everyMs: number, work: () => Promise<boolean>): Promise<void> {
  return repeat({ name, everyMs, work });
}

async function driveTemporal(): Promise<void> {
  connection = await connect();
  if (connection !== undefined) await relay(new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE, plugins: tracing.plugins }));
}

async function relay(client: Client): Promise<void> {
  const deps = { pool, client, taskQueue: settings.EXEQUATUR_TASK_QUEUE, logger };
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
      const { due, missed } = await owedReviews(pool);
      owed.set({ state: 'due' }, due);
      owed.set({ state: 'missed' }, missed);
      return false;
    }),
    round('schedules', schedulesEveryMs, async () => {
      const everything = performance.now() - schedulesCheckedAt > sweepEveryMs;
      await keepSchedules(deps, everything);
      if (everything) {
        await watchSchedules(deps);
        schedulesCheckedAt = performance.now();
      }
      return false;
    }),
    round('definitions', definitionsEveryMs, async () => {
      await startIndexBuilds(deps);
      await startMigrations(deps);
      return false;
    }),
  ]);
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
