import { actLifecycle, type LoadedTenant } from './act-lifecycle.ts';
import { newTally, type Tally } from './tally.ts';

/** The greatest rate: as many lifecycles at once as keep everything busy, each followed by the next, after as long again that is not counted. */
export async function measureMost(tenant: LoadedTenant, concurrency: number, forMs: number): Promise<{ perSecond: number; tally: Tally }> {
  const tally = newTally();
  await keepBusy(tenant, concurrency, forMs, tally);
  const before = tally.whole.length;
  const from = performance.now();
  await keepBusy(tenant, concurrency, forMs, tally);
  return { perSecond: ((tally.whole.length - before) * 1_000) / (performance.now() - from), tally };
}

async function keepBusy(tenant: LoadedTenant, concurrency: number, forMs: number, tally: Tally): Promise<void> {
  const until = performance.now() + forMs;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) await actLifecycle(tenant, performance.now(), tally);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}
