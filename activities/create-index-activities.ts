import { Context } from '@temporalio/activity';
import type pg from 'pg';
import { advanceIndexes, type IndexProgress } from '../store/index-builds.ts';
import { isOutage } from '../store/is-outage.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { IndexBuildActivities, IndexBuildStart } from '../workflows/index-build.contract.ts';
import { bug, databaseAway } from './run-step.ts';

interface IndexActivityDeps {
  /** Connections of the worker's login. */
  pool: pg.Pool;
  logger: Logger;
}

const heartbeatMs = 5_000; // Also while a batch waits for a lock, several within the heartbeat timeout.
const worksForMs = 10_000; // As often the history tells how far it is; a million objects take a handful of activities.

export function createIndexActivities(deps: IndexActivityDeps): IndexBuildActivities {
  return { advanceIndexes: (start) => advanceForAWhile(deps, start) };
}

async function advanceForAWhile({ pool, logger }: IndexActivityDeps, start: IndexBuildStart): Promise<IndexProgress | null> {
  const context = Context.current();
  const beating = setInterval(() => context.heartbeat(), heartbeatMs);
  const startedAt = performance.now();
  const about = { tenant: start.tenantId, objectType: start.objectType };
  try {
    for (;;) {
      const at = await advanceIndexes(pool, start.tenantId, start.objectType);
      if (at?.state === 'ready' || at?.state === 'dropped') logger.info({ ...about, ...at }, 'an index is done');
      if (at === null || performance.now() - startedAt > worksForMs || context.cancellationSignal.aborted) return at;
    }
  } catch (error) {
    logger.error({ err: error, ...about, attempt: context.info.attempt }, 'a batch of an index failed');
    throw (await isOutage(pool, error)) ? databaseAway() : bug(context.info.attempt);
  } finally {
    clearInterval(beating);
  }
}
