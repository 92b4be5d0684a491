import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowStartOptions } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';

/** Starts a workflow that nobody carries. False where one of that id runs: it is left alone. */
export async function startUnlessRunning<T extends Workflow>(
  client: Client,
  workflowType: string,
  options: WorkflowStartOptions<T>,
): Promise<boolean> {
  try {
    await client.workflow.start<T>(workflowType, { ...options, workflowIdConflictPolicy: 'FAIL' } as WorkflowStartOptions<T>);
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
