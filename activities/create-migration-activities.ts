import { Context } from '@temporalio/activity';
import type pg from 'pg';
import { advanceMigration, type MigrationStep } from '../store/advance-migration.ts';
import { isOutage } from '../store/is-outage.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { OntologyMigrationActivities, OntologyMigrationStart } from '../workflows/ontology-migration.contract.ts';
import { bug, databaseAway } from './run-step.ts';

interface MigrationActivityDeps {
  /** Connections of the worker's login. */
  pool: pg.Pool;
  store: Pick<StoreDeps, 'ontologies'>;
  logger: Logger;
}

const heartbeatMs = 3_000; // Several beats within the heartbeat timeout.

export function createMigrationActivities(deps: MigrationActivityDeps): OntologyMigrationActivities {
  return { advanceMigration: (start) => advance(deps, start) };
}

async function advance({ pool, store, logger }: MigrationActivityDeps, start: OntologyMigrationStart): Promise<MigrationStep> {
  const context = Context.current();
  const beating = setInterval(() => context.heartbeat(), heartbeatMs);
  const about = { tenant: start.tenantId, migration: start.migrationId };
  try {
    const step = await advanceMigration(pool, start.tenantId, start.migrationId, store);
    logger.info({ ...about, ...step }, 'a migration went on');
    return step;
  } catch (error) {
    logger.error({ err: error, ...about, attempt: context.info.attempt }, 'a step of a migration failed');
    throw (await isOutage(pool, error)) ? databaseAway() : bug(context.info.attempt);
  } finally {
    clearInterval(beating);
  }
}
