import { freePort } from '../../scripts/processes/free-port.ts';
import { untilReady } from '../../scripts/stack/readiness.ts';
import { type KillableProcess, startKillable } from './killable-process.ts';

export interface WorkerProcess extends KillableProcess {
  metricsUrl: string;
  /** Once it takes work: what is proposed before is answered with 202. */
  ready(): Promise<void>;
}

/** The worker as it is deployed: a process of its own, started again whenever it ends. */
export async function startWorkerProcess(env: {
  databaseUrl: string;
  temporal: string;
  taskQueue: string;
  more?: Record<string, string>;
  /** Hears everything it prints. */
  onLine?: (line: string) => void;
}): Promise<WorkerProcess> {
  const metricsPort = await freePort();
  const sdkMetricsPort = await freePort(0, new Set([metricsPort]));
  const variables = {
    EXEQUATUR_WORKER_DATABASE_URL: env.databaseUrl,
    TEMPORAL_ADDRESS: env.temporal,
    EXEQUATUR_TASK_QUEUE: env.taskQueue,
    EXEQUATUR_WORKER_METRICS_PORT: String(metricsPort),
    EXEQUATUR_WORKER_SDK_METRICS_PORT: String(sdkMetricsPort),
    ...env.more,
  };
  const running = startKillable('worker', 'worker.ts', variables, env.onLine);
  const metricsUrl = `http://127.0.0.1:${metricsPort}`;
  return { ...running, metricsUrl, ready: () => untilReady(metricsUrl, running) };
}
