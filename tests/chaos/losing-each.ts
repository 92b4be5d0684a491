import { expect } from 'vitest';
import type { SeverableProxy } from '../support/severable-proxy.ts';
import type { WorkerProcess } from '../support/worker-process.ts';

interface Losing {
  /** Between the worker and its database. */
  proxy: SeverableProxy;
  worker: WorkerProcess;
  /** Whether the worker is killed at that instant, instead of hearing that its connection broke. */
  kills?: boolean;
  /** What must be there before. */
  ready?: (nth: number) => Promise<void>;
  /** Whose commits they are, to its end. */
  act: (nth: number) => Promise<void>;
}

/** Has the same done until it needs no further commit: at first undisturbed, and then the n-th time with the answer to its n-th commit dropped. @returns how many were */
export async function losingEach({ proxy, worker, kills = false, ready = async () => {}, act }: Losing): Promise<number> {
  for (let nth = 0; ; nth++) {
    await ready(nth);
    let lost = 0;
    const failures = worker.failures();
    proxy.loseCommits((at) => {
      if (at !== nth || lost > 0) return false;
      lost++;
      if (kills) worker.kill();
      return true;
    });
    await act(nth);
    proxy.loseCommits(() => false);
    if (nth > 0 && lost === 0) return nth - 1;
    if (kills && lost > 0) await expect.poll(() => worker.failures(), { timeout: 10_000 }).toBeGreaterThan(failures);
  }
}
