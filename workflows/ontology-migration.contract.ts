import { tenantAttribute } from './proposal.contract.ts';

/** What the API, the relay and the worker share with the workflow that rewrites objects for a new document. Names are wire contracts, never renamed. */
export const ontologyMigrationWorkflowType = 'ontologyMigration';

/** The workflow's whole input: rules and progress stand in the database. */
export interface OntologyMigrationStart {
  readonly tenantId: string;
  readonly migrationId: string;
}

/** Fields are added, never renamed: it is in workflow histories. */
export type OntologyMigrationState =
  | { readonly kind: 'batch'; readonly number: number; readonly proposalId: string; readonly actionType: string }
  | { readonly kind: 'ended'; readonly state: 'running' | 'done' | 'failed' | 'cancelled' };

export interface OntologyMigrationActivities {
  /** Proposes the next batch, or puts the document in force, or finds that a batch is under way. May run twice, at once, late, or be cut off anywhere. */
  advanceMigration(start: OntologyMigrationStart): Promise<OntologyMigrationState>;
}

export function ontologyMigrationWorkflowId({ tenantId, migrationId }: OntologyMigrationStart): string {
  return `ontology-migration/${tenantId}/${migrationId}`;
}

/** A start that meets a running workflow joins it. */
export function ontologyMigrationStartOptions(start: OntologyMigrationStart, taskQueue: string) {
  return {
    workflowId: ontologyMigrationWorkflowId(start),
    taskQueue,
    args: [start] as [OntologyMigrationStart],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    staticSummary: `objects rewritten for a new ontology of tenant ${start.tenantId}`,
    typedSearchAttributes: [{ key: tenantAttribute, value: start.tenantId }],
    // A tenant with much to rewrite takes turns with the others.
    priority: { fairnessKey: start.tenantId },
  };
}
