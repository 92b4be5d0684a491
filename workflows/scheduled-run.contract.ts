import { tenantAttribute } from './proposal.contract.ts';

/** What the relay and the worker share with the workflow that Temporal's schedules start. Names are wire contracts, never renamed. */
export const scheduledRunWorkflowType = 'scheduledRun';

/** The workflow's whole input: what is to run stands in the database. */
export interface ScheduledRunStart {
  readonly tenantId: string;
  readonly scheduleId: string;
  /** When a run was asked for that is at none of the schedule's times, ISO text. */
  readonly triggeredAt?: string;
}

/** Fields are added, never renamed: it is in workflow histories. */
export type ScheduledRunState =
  | { readonly kind: 'proposed'; readonly proposalId: string; readonly actionType: string }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'over' };

export const missedRunsWorkflowType = 'missedRuns';

export interface MissedRunsStart {
  readonly tenantId: string;
  readonly scheduleId: string;
  /** When they were to begin, ISO texts. */
  readonly missed: readonly string[];
}

export interface ScheduledRunActivities {
  /** Makes the proposal of one run, or finds why there is none. May run twice, at once, late, or be cut off anywhere. */
  runSchedule(start: Omit<ScheduledRunStart, 'triggeredAt'> & { readonly nominalAt: string }): Promise<ScheduledRunState>;
  /** Puts on record that runs could not begin in time. May run twice. */
  recordMissedRuns(start: MissedRunsStart): Promise<void>;
}

/** Of the schedule in Temporal, and of what it starts, to which Temporal adds the time. */
export function temporalScheduleId({ tenantId, scheduleId }: Omit<ScheduledRunStart, 'triggeredAt'>): string {
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

/** A run beside the schedule's times. One that has been started is not started again, running or not. */
export function triggeredRunOptions(start: Required<ScheduledRunStart>, actionType: string, taskQueue: string) {
  const { type: _, workflowType: __, workflowId, ...options } = scheduledRunOptions(start, actionType, taskQueue);
  return {
    ...options,
    workflowId: `${workflowId}/${start.triggeredAt}`,
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    priority: { fairnessKey: start.tenantId },
  };
}

/** As what a run of this time is known in Temporal, which adds the time to the id; `triggeredAt` is that of the schedule. */
export function ranAs(start: Omit<ScheduledRunStart, 'triggeredAt'>, time: string, triggeredAt: string | null): string {
  const { workflowId } = scheduledRunOptions(start, '', '');
  return time === triggeredAt ? `${workflowId}/${time}` : `${workflowId}-${time.replace(/\.\d+Z$/, 'Z')}`;
}

/** Once for the first of them, running or not. */
export function missedRunsOptions(start: MissedRunsStart, actionType: string, taskQueue: string) {
  const { tenantId, scheduleId, missed } = start;
  return {
    workflowId: `${scheduledRunOptions({ tenantId, scheduleId }, actionType, taskQueue).workflowId}/missed/${missed[0]}`,
    args: [start] as [MissedRunsStart],
    taskQueue,
    staticSummary: `runs of ${actionType} that could not begin, for tenant ${tenantId}`,
    typedSearchAttributes: [{ key: tenantAttribute, value: tenantId }],
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    priority: { fairnessKey: tenantId },
  };
}
