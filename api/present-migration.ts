import type { MigrationView } from '../store/migrations.ts';
import { ontologyMigrationWorkflowId } from '../workflows/ontology-migration.contract.ts';

/** A migration with the workflow that an operator looks up in Temporal. */
export function presentMigration(tenantId: string, migration: MigrationView): MigrationView & { workflowId: string } {
  return { ...migration, workflowId: ontologyMigrationWorkflowId({ tenantId, migrationId: migration.id }) };
}
