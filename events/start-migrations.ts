import { runningMigrations } from '../store/relay-work.ts';
import { ontologyMigrationStartOptions, ontologyMigrationWorkflowType } from '../workflows/ontology-migration.contract.ts';
import type { RelayDeps } from './redeliver-nudges.ts';
import { startUnlessRunning } from './start-unless-running.ts';

const most = 1_000; // In one round; a tenant has at most one.

/** Starts the workflow of each running migration that has none: the API's own start was missed, or Temporal has lost it. Returns how many. */
export async function startMigrations({ pool, client, taskQueue, logger }: RelayDeps): Promise<number> {
  let started = 0;
  for (const start of await runningMigrations(pool, most)) {
    if (!(await startUnlessRunning(client, ontologyMigrationWorkflowType, ontologyMigrationStartOptions(start, taskQueue)))) continue;
    logger.info({ tenant: start.tenantId, migration: start.migrationId }, 'a migration was started');
    started++;
  }
  return started;
}
