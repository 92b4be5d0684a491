import { tenantAttribute } from './proposal.contract.ts';

/** What the relay and the worker share with the workflow that Temporal's schedules start. Names are wire contracts, never renamed. */
export const scheduledRunWorkflowType = 'scheduledRun';

/** The workflow's whole input: what is to run stands in the database. */
export interface ScheduledRunStart {
  readonly tenantId: string;
  readonly scheduleId: string;
}

/** Fields are added, never renamed: it is in workflow histories. */
export type ScheduledRunState =
  | { readonly kind: 'proposed'; readonly proposalId: string; readonly actionType: string }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'over' };

export interface ScheduledRunActivities {
  /** Makes the proposal of one run, or finds why there is none. May run twice, at once, late, or be cut off anywhere. */
  runSchedule(start: ScheduledRunStart & { readonly nominalAt: string }): Promise<ScheduledRunState>;
}

/** Of the schedule in Temporal, and of what it starts, to which Temporal adds the time. */
export function temporalScheduleId({ tenantId, scheduleId }: ScheduledRunStart): string {
  return `schedule/${tenantId}/${scheduleId}`;
}

export function scheduledRunOptions(start: ScheduledRunStart, actionType: string, taskQueue: string) {
  return {
    type: 'startWorkflow' as const,
    workflowType: scheduledRunWorkflowType,
    workflowId: `scheduled-run/${start.tenantId}/${start.scheduleId}`,
    args: [start] as [ScheduledRunStart],
    taskQueue,
    staticSummary: `a scheduled run of ${actionType} for tenant ${start.tenantId}`,
    typedSearchAttributes: [{ key: tenantAttribute, value: start.tenantId }],
  };
}
