// How the rows of indexes are made and dropped beside executions.
//
// | step  | do                                                              | undo                           | key                                 | after a crash in the middle                           |
// |-------|-----------------------------------------------------------------|--------------------------------|-------------------------------------|-------------------------------------------------------|
// | batch | `advanceIndexes`: the rows of some objects, and how far that is | the index dropped, by the same | the object type, and how far it was | the batch is all there or not at all, and comes again |

import { continueAsNew, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { IndexBuildActivities, IndexBuildStart, IndexBuildState } from './index-build.contract.ts';
import { tryStep } from './try-step.ts';

const { advanceIndexes } = proxyActivities<IndexBuildActivities>({
  startToCloseTimeout: '10 minutes', // It returns after some seconds; a batch that waits for an upload takes as long as the upload.
  heartbeatTimeout: '30 s',
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '15 s' }, // The activity says when another attempt is pointless.
  summary: 'build or drop index rows, batch by batch',
});

/** Builds and drops the indexes of one object type until none is left to do. Decides nothing: what is to be done, and how far it is, stands in the database. */
export async function indexBuild(start: IndexBuildStart): Promise<void> {
  for (;;) {
    const step = await tryStep('The next batch', () => advanceIndexes(start));
    if (step !== null) {
      setCurrentDetails(describe(step.outcome));
      if (step.outcome === null) return;
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof indexBuild>(start);
  }
}

const words: Record<IndexBuildState['state'], string> = {
  clearing: 'old rows are being taken out',
  building: 'being built',
  ready: 'ready',
  dropping: 'being dropped',
  dropped: 'dropped',
};

function describe(at: IndexBuildState | null): string {
  if (at === null) return 'Nothing is left to build or drop.';
  const { property, state, scanned, total } = at;
  return `**${property}**: ${words[state]}\n\n${total === null ? scanned : `${scanned} of ${total}`}`;
}
