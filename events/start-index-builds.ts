import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { typesWithUnfinishedIndexes } from '../store/relay-work.ts';
import { type IndexBuildStart, indexBuildStartOptions, indexBuildWorkflowType } from '../workflows/index-build.contract.ts';
import type { RelayDeps } from './redeliver-nudges.ts';

const most = 1_000; // In one round; what is beyond has its turn when these are done.

/** Starts the workflow of each type with indexes to build or drop, where none runs: the API's own start was missed, or Temporal has lost it. Returns how many. */
export async function startIndexBuilds(deps: RelayDeps): Promise<number> {
  let started = 0;
  for (const start of await typesWithUnfinishedIndexes(deps.pool, most)) if (await startUnlessRunning(deps, start)) started++;
  return started;
}

async function startUnlessRunning({ client, taskQueue, logger }: RelayDeps, start: IndexBuildStart): Promise<boolean> {
  try {
    await client.workflow.start(indexBuildWorkflowType, { ...indexBuildStartOptions(start, taskQueue), workflowIdConflictPolicy: 'FAIL' });
    logger.info({ tenant: start.tenantId, objectType: start.objectType }, 'an index build was started');
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
