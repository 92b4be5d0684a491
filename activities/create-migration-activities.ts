import { advanceMigration, type MigrationStep } from '../store/advance-migration.ts';
import type { StoreDeps } from '../store/store-deps.ts';
import type { OntologyMigrationActivities, OntologyMigrationStart } from '../workflows/ontology-migration.contract.ts';
import { type DefinitionStepDeps, runDefinitionStep } from './run-definition-step.ts';

interface MigrationActivityDeps extends DefinitionStepDeps {
  store: Pick<StoreDeps, 'ontologies' | 'policies'>;
}

export function createMigrationActivities(deps: MigrationActivityDeps): OntologyMigrationActivities {
  return { advanceMigration: (start) => advance(deps, start) };
}

function advance(deps: MigrationActivityDeps, start: OntologyMigrationStart): Promise<MigrationStep> {
  const about = { tenant: start.tenantId, migration: start.migrationId };
  return runDefinitionStep(deps, about, 'a step of a migration failed', async () => {
    const step = await advanceMigration(deps.pool, start.tenantId, start.migrationId, deps.store);
    deps.logger.info({ ...about, ...step }, 'a migration went on');
    return step;
  });
}
