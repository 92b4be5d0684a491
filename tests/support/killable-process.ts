import { type SupervisedProcess, supervise } from '../../scripts/processes/supervised-process.ts';

export interface KillableProcess extends SupervisedProcess {
  /** Ends it as a power cut would; it is started again by itself. */
  kill(): void;
}

/** One of the product's processes as it is deployed, started again whenever it ends. */
export function startKillable(
  name: string,
  entry: string,
  env: Record<string, string>,
  onLine: (line: string) => void = () => {},
): KillableProcess {
  const running = supervise({
    name,
    entry,
    env: { LOG_LEVEL: 'warn', ...env },
    onLine: (_, line) => {
      onLine(line);
      if (process.env.TEST_LOG_LEVEL) console.log(line);
    },
  });
  return {
    ...running,
    kill() {
      const pid = running.pid();
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
  };
}
