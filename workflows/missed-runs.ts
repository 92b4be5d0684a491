// What became of runs that nobody began in time.
//
// | step   | do                                            | undo            | key                                  | after a crash in the middle                 |
// |--------|-----------------------------------------------|-----------------|--------------------------------------|---------------------------------------------|
// | record | `recordMissedRuns`: each on record as refused | nothing to undo | the schedule and the time of the run | finds those that are on record, and goes on |

import { proxyActivities } from '@temporalio/workflow';
import type { MissedRunsStart, ScheduledRunActivities } from './scheduled-run.contract.ts';

const { recordMissedRuns } = proxyActivities<ScheduledRunActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '10 s', // A killed worker's step is another's after this long.
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '1 minute' }, // The activity says when another attempt is pointless.
  summary: 'put on record which runs of the schedule could not begin',
});

/** Runs of a schedule that nobody begins any more. A workflow of its own, so that a worker which does not know of it yet makes no proposal instead. */
export async function missedRuns(start: MissedRunsStart): Promise<void> {
  await recordMissedRuns(start);
}
