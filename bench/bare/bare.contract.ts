import { defineUpdate } from '@temporalio/workflow';

/** What the bare workflow's worker and the benchmark share. */
export const bareTaskQueue = 'bare';
export const bareWorkflowType = 'bareLifecycle';

export interface BareInput {
  readonly id: string;
}

export interface BareActivities {
  simulate(id: string): Promise<string>;
  execute(id: string): Promise<number>;
}

export const simulatedUpdate = defineUpdate<string, []>('simulated');
export const approveUpdate = defineUpdate<number, []>('approve');
