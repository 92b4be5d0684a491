import { continueAsNew, isCancellation, proxyActivities, setCurrentDetails, sleep, workflowInfo } from '@temporalio/workflow';
import type { IndexBuildActivities, IndexBuildStart, IndexBuildState } from './index-build.contract.ts';

const { advanceIndexes } = proxyActivities<IndexBuildActivities>({
  startToCloseTimeout: '10 minutes', // It returns after some seconds; a batch that waits for an upload takes as long as the upload.
  heartbeatTimeout: '30 s',
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '15 s' }, // The activity says when another attempt is pointless.
  summary: 'build or drop index rows, batch by batch',
});

const troubleMs = 5 * 60_000; // As for proposals: seldom enough to keep the history short, soon enough to need no one once the defect is mended.

/** Builds and drops the indexes of one object type until none is left to do. Decides nothing: what is to be done, and how far it is, stands in the database. */
export async function indexBuild(start: IndexBuildStart): Promise<void> {
  for (;;) {
    try {
      const at = await advanceIndexes(start);
      setCurrentDetails(describe(at));
      if (at === null) return;
    } catch (failure) {
      if (isCancellation(failure)) throw failure;
      setCurrentDetails("**The next batch keeps failing**; the worker's log says why. It is tried again in a while.");
      await sleep(troubleMs, { summary: 'trouble: try again' });
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
