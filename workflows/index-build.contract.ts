import { tenantAttribute } from './proposal.contract.ts';

/** What the API, the relay and the worker share with the workflow that builds and drops a type's indexes. Names are wire contracts, never renamed. */
export const indexBuildWorkflowType = 'indexBuild';

/** The workflow's whole input: which properties, and how far each is, stands in the database. */
export interface IndexBuildStart {
  readonly tenantId: string;
  readonly objectType: string;
}

/** How it stood after the last batch; null when nothing was left. Fields are added, never renamed: it is in workflow histories. */
export interface IndexBuildState {
  readonly property: string;
  readonly state: 'clearing' | 'building' | 'ready' | 'dropping' | 'dropped';
  readonly scanned: number;
  readonly total: number | null;
}

export interface IndexBuildActivities {
  /** Works for some seconds, batch after batch, each a transaction. May run twice, at once, late, or be cut off anywhere. */
  advanceIndexes(start: IndexBuildStart): Promise<IndexBuildState | null>;
}

export function indexBuildWorkflowId({ tenantId, objectType }: IndexBuildStart): string {
  return `index-build/${tenantId}/${objectType}`;
}

/** A start that meets a running workflow joins it. One that meets its very end is missed, and made up for by the relay's sweep. */
export function indexBuildStartOptions(start: IndexBuildStart, taskQueue: string) {
  return {
    workflowId: indexBuildWorkflowId(start),
    taskQueue,
    args: [start] as [IndexBuildStart],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    staticSummary: `indexes of ${start.objectType} for tenant ${start.tenantId}`,
    typedSearchAttributes: [{ key: tenantAttribute, value: start.tenantId }],
    // A tenant with much to build takes turns with the others.
    priority: { fairnessKey: start.tenantId },
  };
}
