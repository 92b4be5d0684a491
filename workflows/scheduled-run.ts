// One run of a schedule.
//
// | step  | do                                              | undo                                | key                                  | after a crash in the middle |
// |-------|-------------------------------------------------|-------------------------------------|--------------------------------------|-----------------------------|
// | run   | `runSchedule`: a proposal, or why there is none | the proposal withdrawn, or reverted | the schedule and the time of the run | finds what it came to       |
// | carry | the workflow of the proposal is started         | nothing to undo                     | `proposalWorkflowId`                 | the relay starts it         |

import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { isCancellation, ParentClosePolicy, proxyActivities, setCurrentDetails, startChild, workflowInfo } from '@temporalio/workflow';
import { proposalStartOptions } from './proposal.contract.ts';
import { proposal } from './proposal.ts';
import type { ScheduledRunActivities, ScheduledRunStart, ScheduledRunState } from './scheduled-run.contract.ts';

const { runSchedule } = proxyActivities<ScheduledRunActivities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '10 s', // A killed worker's step is another's after this long.
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '1 minute' }, // The activity says when another attempt is pointless.
  summary: 'propose what the schedule asks for',
});

/** Set by Temporal's schedules: when the run was to begin. */
const nominalTime = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** One run of a schedule. Decides nothing: whether there is a proposal comes back from the activity that committed it. */
export async function scheduledRun(start: ScheduledRunStart): Promise<ScheduledRunState> {
  const { typedSearchAttributes, startTime, taskQueue } = workflowInfo();
  const { tenantId, scheduleId, triggeredAt } = start;
  const nominalAt = triggeredAt ?? (typedSearchAttributes.get(nominalTime) ?? startTime).toISOString();
  const state = await runSchedule({ tenantId, scheduleId, nominalAt });
  setCurrentDetails(state.kind === 'refused' ? `No proposal was made: ${state.code}.` : state.kind);
  if (state.kind === 'proposed') await carry({ tenantId: start.tenantId, ...state }, taskQueue);
  return state;
}

/** As the API does for what it has accepted. Where somebody else carries it already, or this is lost, the relay sees to it. */
async function carry(
  { tenantId, proposalId, actionType }: { tenantId: string; proposalId: string; actionType: string },
  taskQueue: string,
): Promise<void> {
  const { workflowIdConflictPolicy: _, ...options } = proposalStartOptions({ tenantId, proposalId, actionType }, taskQueue);
  try {
    await startChild(proposal, { ...options, parentClosePolicy: ParentClosePolicy.ABANDON });
  } catch (failure) {
    if (isCancellation(failure)) throw failure;
  }
}
