import { unreviewedEmergencies } from '../store/relay-work.ts';
import { proposalStartOptions, proposalWorkflowType } from '../workflows/proposal.contract.ts';
import type { RelayDeps } from './redeliver-nudges.ts';
import { startUnlessRunning } from './start-unless-running.ts';

const most = 1_000; // In one round. Emergencies that nobody has reviewed yet are few, or something else is wrong.

/** Starts the workflow of each executed proposal whose emergency awaits its review and that has none: Temporal has lost it. Returns how many. */
export async function startReviewWaits({ pool, client, taskQueue, logger }: RelayDeps): Promise<number> {
  let started = 0;
  for (const start of await unreviewedEmergencies(pool, most)) {
    if (!(await startUnlessRunning(client, proposalWorkflowType, proposalStartOptions(start, taskQueue)))) continue;
    logger.warn({ tenant: start.tenantId, proposal: start.proposalId }, 'the wait for a review was started anew: Temporal did not know it');
    started++;
  }
  return started;
}
