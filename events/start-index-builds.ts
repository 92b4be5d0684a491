import { typesWithUnfinishedIndexes } from '../store/relay-work.ts';
import { indexBuildStartOptions, indexBuildWorkflowType } from '../workflows/index-build.contract.ts';
import type { RelayDeps } from './redeliver-nudges.ts';
import { startUnlessRunning } from './start-unless-running.ts';

const most = 1_000; // In one round; what is beyond has its turn when these are done.

/** Starts the workflow of each type with indexes to build or drop, where none runs: the API's own start was missed, or Temporal has lost it. Returns how many. */
export async function startIndexBuilds({ pool, client, taskQueue, logger }: RelayDeps): Promise<number> {
  let started = 0;
  for (const start of await typesWithUnfinishedIndexes(pool, most)) {
    if (!(await startUnlessRunning(client, indexBuildWorkflowType, indexBuildStartOptions(start, taskQueue)))) continue;
    logger.info({ tenant: start.tenantId, objectType: start.objectType }, 'an index build was started');
    started++;
  }
  return started;
}
