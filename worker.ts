import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { countEndedEffects } from './activities/count-ended-effects.ts';
import { createActivities } from './activities/create-activities.ts';
import { createIndexActivities } from './activities/create-index-activities.ts';
import { createMigrationActivities } from './activities/create-migration-activities.ts';
import { createScheduleActivities } from './activities/create-schedule-activities.ts';
import { openOutside } from './activities/effects/open-outside.ts';
import { measureSteps } from './activities/measure-steps.ts';
import { readWorkerSettings, secretsKeys, type WorkerSettings } from './config.ts';
import { decide } from './policy/decide.ts';
import { policiesOf } from './policy/opa.ts';
import { openPool } from './store/connect.ts';
import { DatabaseProbe } from './store/database-probe.ts';
import { loadFunctions } from './store/load-functions.ts';
import { OntologyCache } from './store/load-ontology.ts';
import { PolicySets } from './store/policy-sets.ts';
import { SecretBox } from './store/secret-box.ts';
import { openLogger } from './telemetry/logger.ts';
import { openRegistry, serveOperations } from './telemetry/metrics.ts';
import { temporalLogger } from './telemetry/temporal-logger.ts';
import { isTemporalUp } from './telemetry/temporal-probe.ts';
import { startTracing } from './telemetry/tracing.ts';
import { findWorkflowBundle } from './workflow-bundle.ts';

/** The worker process: runs the workflows and activities of proposals, index builds and migrations until it is told to stop. It may be killed at any instant and lose nothing. */
const settings = readWorkerSettings();
const logger = openLogger('worker');
const tracing = startTracing('exequatur-worker');
const registry = openRegistry('worker');
const sdkMetrics = `${settings.EXEQUATUR_HOST}:${settings.EXEQUATUR_WORKER_SDK_METRICS_PORT}`;

const connections = 20; // More than keep PostgreSQL busy on a machine of a few processors; what waits for one has its time yet before it.
// Steps outside wait for receivers, some for as long as a request may take, and hardly for anything here: where one tenant's are slow, others find a place, or one that is free in a moment.
const stepsAtOnce = 200;
// Of short ones, more than keep the processors busy wait for each other inside PostgreSQL, where each holds a connection that plans and compiles for itself.
const shortStepsAtOnce = Math.min(connections, Math.max(10, 5 * availableParallelism()));
const shutdownGraceMs = 10_000; // A container is given 30 s to stop by most schedulers; a step of any size but the largest ends within 10.
// The SDK records a stack for every promise of a workflow and looks each frame up in the source map: with ten frames, a third of what the workflows cost.
const framesInWorkflows = 3;
const stickyTimeoutMs = 2_000; // A killed worker's workflows are handed to another after this long (10 s by default); a live worker busier than that replays a few events.

Runtime.install({
  logger: temporalLogger(logger),
  telemetryOptions: {
    logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
    metrics: { prometheus: { bindAddress: sdkMetrics, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true } },
  },
  shutdownSignals: [], // This file says what a signal stops, and in which order.
});

const pool = openPool(settings.EXEQUATUR_WORKER_DATABASE_URL, { max: connections, applicationName: 'exequatur-worker' });
const probe = new DatabaseProbe(settings.EXEQUATUR_WORKER_DATABASE_URL, 'exequatur-worker-probe');
const functions = await loadFunctions(settings.EXEQUATUR_FUNCTIONS);
const ontologies = new OntologyCache(functions);
const store = { decide, ontologies, policies: new PolicySets(policiesOf(settings.EXEQUATUR_OPA_URL)) };
const connection = await connect(settings);
setFlagsFromString(`--stack-trace-limit=${framesInWorkflows}`);
const worker = await Worker.create({
  connection,
  namespace: settings.TEMPORAL_NAMESPACE,
  taskQueue: settings.EXEQUATUR_TASK_QUEUE,
  workflowBundle: await findWorkflowBundle(tracing.plugins, temporalLogger(logger)),
  activities: {
    ...createActivities({
      pool,
      store,
      logger,
      durations: measureSteps(registry),
      endedEffects: countEndedEffects(registry),
      history: { namespace: settings.TEMPORAL_NAMESPACE, workflowService: connection.workflowService },
      outside: openOutside({
        pool,
        functions,
        allowedAddresses: settings.EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES,
        secrets: new SecretBox(secretsKeys(settings)),
      }),
    }),
    ...createIndexActivities({ pool, logger }),
    ...createMigrationActivities({ pool, store, logger }),
    ...createScheduleActivities({ pool, store, logger }),
  },
  plugins: tracing.plugins,
  maxConcurrentLocalActivityExecutions: shortStepsAtOnce,
  maxConcurrentActivityTaskExecutions: stepsAtOnce,
  stickyQueueScheduleToStartTimeout: stickyTimeoutMs,
  shutdownGraceTime: shutdownGraceMs,
  shutdownForceTime: 2 * shutdownGraceMs,
  ...versioning(settings),
});

const operations = await serveOperations({
  registry,
  host: settings.EXEQUATUR_HOST,
  port: settings.EXEQUATUR_WORKER_METRICS_PORT,
  ready: async () =>
    worker.getState() === 'RUNNING' && (await probe.isWell()) && (await isTemporalUp(connection, settings.TEMPORAL_NAMESPACE)),
  more: async () => (await fetch(`http://${sdkMetrics}/metrics`)).text(),
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => worker.getState() === 'RUNNING' && worker.shutdown());
logger.info({ taskQueue: settings.EXEQUATUR_TASK_QUEUE, metricsPort: operations.port }, 'the worker is polling');
try {
  await worker.run();
} finally {
  await operations.close();
  await connection.close();
  await Promise.all([pool.end(), probe.end()]);
  await tracing.stop();
  logger.info('the worker has stopped');
}

/** Temporal may start after the worker, as it does in a compose file. */
async function connect({ TEMPORAL_ADDRESS: address }: WorkerSettings): Promise<NativeConnection> {
  const pauseMs = 1_000;
  for (let attempt = 1; ; attempt++) {
    try {
      return await NativeConnection.connect({ address });
    } catch (error) {
      if (attempt === 60) throw error; // A minute; then whoever supervises the process should see it fail.
      logger.warn({ address, attempt }, 'Temporal does not answer yet');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** Only where releases set the deployment's current version: a versioned worker gets nothing before that. Workflows move to the new version at their next task. */
function versioning({ EXEQUATUR_WORKER_BUILD_ID: buildId }: WorkerSettings): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (buildId === undefined) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: 'exequatur', buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  };
}
