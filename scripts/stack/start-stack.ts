/**
 * The whole product on this machine over one directory of state: database, Temporal, API, worker, relay, witness. What `npm run dev`, the demo and the benchmarks
 * stand on. Everything it starts ends with this process, also when that is killed; a later start over the same directory goes on where it stopped.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../../store/migrate.ts';
import { holdLock } from '../bootstrap/lock-file.mjs';
import { withProgress } from '../bootstrap/progress.mjs';
import { freePort } from '../processes/free-port.ts';
import { type SupervisedProcess, supervise } from '../processes/supervised-process.ts';
import { loginUrl, openStackDatabase, type StackDatabase } from './database.ts';
import { audience, issuer, openDevelopmentKeys } from './development-keys.ts';
import { openStackKafka } from './kafka.ts';
import { whyNotMigrated } from './outdated-state.ts';
import { untilReady } from './readiness.ts';
import { removeState } from './remove-state.ts';
import { openStopList, type StopList } from './stop-list.ts';
import { openStackTemporal, type StackTemporal } from './temporal.ts';
import { openTenants, type StackTenant, type TenantWish } from './tenants.ts';

export interface StackOptions {
  /** Absolute; holds everything that survives a restart. */
  directory: string;
  tenants: readonly TenantWish[];
  /** Taken when free; otherwise any free port is. */
  preferredPorts?: { api?: number; postgres?: number; temporal?: number; temporalUi?: number; kafka?: number };
  temporal?: 'dev' | 'production';
  /** Whether events are published to a Kafka broker. */
  kafka?: boolean;
  /** How many; one unless told. */
  workers?: number;
  /** Path of the module with the registered functions. */
  functions?: string;
  /** Everything of an earlier start is removed first. */
  fresh?: boolean;
  /** Called as soon as the directory is this process's own, before anything is started. */
  onOwned?: () => void;
  /** Stops what has been started so far. */
  signal?: AbortSignal;
  /** Commits without a disk flush; for what is thrown away afterwards. */
  disposable?: boolean;
  onLine?: (source: string, line: string) => void;
  /** Added to the environment of API, worker and relay. */
  env?: Record<string, string>;
}

interface StackWorker {
  process: SupervisedProcess;
  operationsUrl: string;
}

export interface Stack {
  apiUrl: string;
  /** Where each process answers `/livez`, `/readyz` and `/metrics`. */
  operationsUrls: { api: string; worker: string; relay: string };
  temporalAddress: string;
  temporalUiUrl: string | undefined;
  kafkaBrokers: string | undefined;
  /** What verifies checkpoints of the audit logs, and the witness's cosignatures. */
  verifierKeys: { log: string; witness: string };
  postgresUrls: { api: string; worker: string; relay: string; superuser: string };
  tenants: StackTenant[];
  /** All workers, of which `processes.worker` is the first. */
  workers: StackWorker[];
  processes: { api: SupervisedProcess; worker: SupervisedProcess; relay: SupervisedProcess; witness: SupervisedProcess };
  /** Settles when the database or Temporal ended without having been asked. */
  broken: Promise<string>;
  stop(): Promise<void>;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  mkdirSync(options.directory, { recursive: true });
  const lock = holdLock(join(options.directory, 'stack.lock'));
  if ('heldBy' in lock) throw new Error(`Process ${lock.heldBy} is already running over ${options.directory}.`);
  const stops = openStopList();
  stops.add(async () => lock.release());
  options.onOwned?.();
  try {
    const started = await Promise.race([
      withProgress('starting PostgreSQL, Temporal, API, worker, relay and witness', () => startAll(options, stops)),
      rejectOnAbort(options.signal),
    ]);
    return { ...started, stop: stops.stopAll };
  } catch (error) {
    await stops.stopAll();
    throw error;
  }
}

function rejectOnAbort(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('stopped while starting')), { once: true });
  });
}

/** Says how to stop each thing as soon as it runs, so that a failure or a signal half-way stops what was started. */
async function startAll(options: StackOptions, stops: StopList): Promise<Omit<Stack, 'stop'>> {
  if (options.fresh) await removeState(options.directory);
  const keys = await openDevelopmentKeys(join(options.directory, 'keys'));
  const database = await openStackDatabase({ ...options, preferredPort: options.preferredPorts?.postgres });
  stops.add(database.stop);
  const [temporal, kafka, tenants] = await Promise.all([
    openTemporal(options, database),
    options.kafka ? openStackKafka({ directory: options.directory, preferredPort: options.preferredPorts?.kafka }) : undefined,
    migrate({ url: database.superuserUrl, passwords: keys.passwords })
      .catch(async (error: unknown) => {
        throw await whyNotMigrated(database.superuserUrl, error);
      })
      .then(() => openTenants(database.superuserUrl, options.tenants, keys)),
  ]);
  stops.add(temporal.stop);
  if (kafka !== undefined) stops.add(kafka.stop);

  const superuser = database.superuserUrl;
  const postgresUrls = {
    api: loginUrl(superuser, 'api', keys.passwords.api),
    worker: loginUrl(superuser, 'worker', keys.passwords.worker),
    relay: loginUrl(superuser, 'relay', keys.passwords.relay),
    superuser,
  };
  const apiPort = await freePort(options.preferredPorts?.api);
  const witnessPort = await freePort(0, new Set([apiPort]));
  const env: Record<string, string> = {
    ...(await environment(options, temporal, postgresUrls, [apiPort, witnessPort])),
    EXEQUATUR_JWKS_FILE: keys.jwksFile,
    EXEQUATUR_SECRETS_KEY: keys.secretsKey,
    EXEQUATUR_CHECKPOINT_KEY_FILE: keys.checkpointKey.path,
    ...(kafka === undefined ? {} : { EXEQUATUR_KAFKA_BROKERS: kafka.brokers }),
    EXEQUATUR_WITNESSES: `http://127.0.0.1:${witnessPort} ${keys.witnessKey.verifierKey}`,
  };
  // A witness knows nothing of the rest: neither logins nor the log's key.
  const witnessEnv = {
    EXEQUATUR_WITNESS_KEY_FILE: keys.witnessKey.path,
    EXEQUATUR_WITNESS_STORE: join(options.directory, 'witness'),
    EXEQUATUR_WITNESS_LOGS: keys.checkpointKey.verifierKey,
    EXEQUATUR_WITNESS_PORT: String(witnessPort),
    DATABASE_URL: '',
  };
  const onLine = options.onLine ?? (() => {});
  const worker = supervise({ name: 'worker', entry: 'worker.ts', env, onLine });
  const operationsUrl = (port: string | undefined) => `http://127.0.0.1:${port}`;
  const workers: StackWorker[] = [{ process: worker, operationsUrl: operationsUrl(env.EXEQUATUR_WORKER_METRICS_PORT) }];
  for (const taken = portsOf(env); workers.length < (options.workers ?? 1); ) {
    const ports = await metricsPorts(taken);
    const another = supervise({ name: `worker ${workers.length + 1}`, entry: 'worker.ts', env: { ...env, ...ports }, onLine });
    workers.push({ process: another, operationsUrl: operationsUrl(ports.EXEQUATUR_WORKER_METRICS_PORT) });
  }
  const processes = {
    worker,
    api: supervise({ name: 'api', entry: 'api/server.ts', env, onLine }),
    relay: supervise({ name: 'relay', entry: 'events/relay.ts', env, onLine }),
    witness: supervise({ name: 'witness', entry: 'witness/run-witness.ts', env: witnessEnv, onLine }),
  };
  stops.add(async () => {
    await Promise.all([...Object.values(processes), ...workers.slice(1).map(({ process }) => process)].map((running) => running.stop()));
  });
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const operationsUrls = {
    api: apiUrl,
    worker: operationsUrl(env.EXEQUATUR_WORKER_METRICS_PORT),
    relay: operationsUrl(env.EXEQUATUR_RELAY_METRICS_PORT),
  };
  await Promise.all([untilReady(apiUrl, processes.api), untilReady(operationsUrls.worker, processes.worker)]);
  return {
    apiUrl,
    operationsUrls,
    temporalAddress: temporal.address,
    temporalUiUrl: temporal.uiUrl,
    kafkaBrokers: kafka?.brokers,
    verifierKeys: { log: keys.checkpointKey.verifierKey, witness: keys.witnessKey.verifierKey },
    postgresUrls,
    tenants,
    workers,
    processes,
    broken: Promise.race([
      database.ended.then((why) => `PostgreSQL ${why}`),
      temporal.ended.then((why) => `Temporal ${why}`),
      ...(kafka === undefined ? [] : [kafka.ended.then((why) => `Kafka ${why}`)]),
    ]),
  };
}

function openTemporal(options: StackOptions, database: StackDatabase): Promise<StackTemporal> {
  return openStackTemporal({
    directory: options.directory,
    server: options.temporal === 'production' ? 'production' : 'dev',
    postgresUrl: database.superuserUrl,
    preferredPort: options.preferredPorts?.temporal,
    preferredUiPort: options.preferredPorts?.temporalUi,
  });
}

async function environment(
  options: StackOptions,
  temporal: StackTemporal,
  urls: Stack['postgresUrls'],
  [apiPort, witnessPort]: [number, number],
): Promise<Record<string, string>> {
  const taken = new Set([apiPort, witnessPort]);
  const workerPorts = await metricsPorts(taken);
  return {
    EXEQUATUR_API_DATABASE_URL: urls.api,
    EXEQUATUR_WORKER_DATABASE_URL: urls.worker,
    EXEQUATUR_RELAY_DATABASE_URL: urls.relay,
    DATABASE_URL: '', // The processes of the product never see the superuser's connection.
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    EXEQUATUR_TASK_QUEUE: temporal.taskQueue,
    ...(temporal.uiUrl ? { EXEQUATUR_TEMPORAL_UI_URL: temporal.uiUrl } : {}),
    EXEQUATUR_HOST: '127.0.0.1',
    EXEQUATUR_PORT: String(apiPort),
    ...workerPorts,
    EXEQUATUR_RELAY_METRICS_PORT: String(await freePort(0, taken)),
    EXEQUATUR_JWT_ISSUER: issuer,
    EXEQUATUR_JWT_AUDIENCE: audience,
    EXEQUATUR_DEVELOPMENT_KEYS: 'true',
    ...(options.functions ? { EXEQUATUR_FUNCTIONS: options.functions } : {}),
    ...options.env,
  };
}

/** Of one worker; they are added to those that are taken. */
async function metricsPorts(taken: Set<number>): Promise<Record<string, string>> {
  const port = async () => {
    const free = await freePort(0, taken);
    taken.add(free);
    return String(free);
  };
  return { EXEQUATUR_WORKER_METRICS_PORT: await port(), EXEQUATUR_WORKER_SDK_METRICS_PORT: await port() };
}

function portsOf(env: Readonly<Record<string, string>>): Set<number> {
  return new Set(Object.entries(env).flatMap(([name, value]) => (name.endsWith('_PORT') ? [Number(value)] : [])));
}
