import { freePort } from '../../scripts/processes/free-port.ts';
import { type SupervisedProcess, supervise } from '../../scripts/processes/supervised-process.ts';

export interface WorkerProcess extends SupervisedProcess {
  /** Ends it as a power cut would; it is started again by itself. */
  kill(): void;
  metricsUrl: string;
}

/** The worker as it is deployed: a process of its own, started again whenever it ends. */
export async function startWorkerProcess(env: {
  databaseUrl: string;
  temporal: string;
  taskQueue: string;
  more?: Record<string, string>;
}): Promise<WorkerProcess> {
  const metricsPort = await freePort();
  const sdkMetricsPort = await freePort(0, new Set([metricsPort]));
  const running = supervise({
    name: 'worker',
    entry: 'worker.ts',
    env: {
      EXEQUATUR_WORKER_DATABASE_URL: env.databaseUrl,
      TEMPORAL_ADDRESS: env.temporal,
      EXEQUATUR_TASK_QUEUE: env.taskQueue,
      EXEQUATUR_WORKER_METRICS_PORT: String(metricsPort),
      EXEQUATUR_WORKER_SDK_METRICS_PORT: String(sdkMetricsPort),
      LOG_LEVEL: 'warn',
      ...env.more,
    },
    onLine: (_, line) => process.env.TEST_LOG_LEVEL && console.log(line),
  });
  return {
    ...running,
    metricsUrl: `http://127.0.0.1:${metricsPort}`,
    kill() {
      const pid = running.pid();
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
  };
}
