// How objects are rewritten for a document that they do not fit yet. What a batch has written stays, whatever becomes of the migration.
//
// | step    | do                                                           | undo                     | key                            | after a crash in the middle     |
// |---------|--------------------------------------------------------------|--------------------------|--------------------------------|---------------------------------|
// | batch n | `proposeBatch`, and its proposal carried like any            | a revert of its proposal | the migration and n            | finds the batch that is at work |
// | end     | `endMigration`: the new document in force, or the former one | another upload           | the migration, which ends once | finds that it has ended         |

import {
  continueAsNew,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { OntologyMigrationActivities, OntologyMigrationStart, OntologyMigrationState } from './ontology-migration.contract.ts';
import { type ProposalStart, proposalStartOptions } from './proposal.contract.ts';
import { proposal } from './proposal.ts';
import { tryStep } from './try-step.ts';

const { advanceMigration } = proxyActivities<OntologyMigrationActivities>({
  startToCloseTimeout: '30 minutes', // The last one looks at every object of the types that changed.
  heartbeatTimeout: '10 s', // A killed worker's step is another's after this long.
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '15 s' }, // The activity says when another attempt is pointless.
  summary: 'propose the next batch, or end',
});

const pauseMs = { first: 1_000, longest: 60_000 };

/** Rewrites objects, batch after batch, each an ordinary proposal, until the document is in force or the migration has ended otherwise. Decides nothing. */
export async function ontologyMigration(start: OntologyMigrationStart): Promise<void> {
  let waiting: { proposalId: string; pauseMs: number } | null = null;
  for (;;) {
    const step = await tryStep('The next step', () => advanceMigration(start));
    if (step !== null) {
      const { outcome: at } = step;
      setCurrentDetails(describe(at));
      if (at.kind === 'ended') return;
      const known: number = waiting?.proposalId === at.proposalId ? waiting.pauseMs : pauseMs.first;
      await batchEnds({ tenantId: start.tenantId, proposalId: at.proposalId, actionType: at.actionType }, known);
      waiting = { proposalId: at.proposalId, pauseMs: Math.min(2 * known, pauseMs.longest) };
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof ontologyMigration>(start);
  }
}

/**
 * Carries the batch's proposal, as the API does for others, and waits for its end. Where somebody else carries it already (the relay, or a predecessor of this workflow)
 * it waits a little and has the database asked again.
 */
async function batchEnds(start: ProposalStart, pause: number): Promise<void> {
  const { workflowIdConflictPolicy: _, ...options } = proposalStartOptions(start, workflowInfo().taskQueue);
  try {
    const child = await startChild(proposal, { ...options, parentClosePolicy: ParentClosePolicy.ABANDON });
    await child.result();
  } catch (failure) {
    if (isCancellation(failure)) throw failure;
    await sleep(pause, { summary: 'another workflow carries the batch' });
  }
}

function describe(step: OntologyMigrationState): string {
  if (step.kind === 'ended') return `The migration is ${step.state}.`;
  return `**Batch ${step.number}** of ${step.actionType} is under way: proposal ${step.proposalId}.`;
}
