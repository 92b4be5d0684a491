import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type pg from 'pg';
import { isFinal } from '../ontology/lifecycle.ts';
import { markNudgeDelivered, type PendingNudge, undeliveredNudges } from '../store/relay-work.ts';
import type { Logger } from '../telemetry/logger.ts';
import { withinTrace } from '../telemetry/traceparent.ts';
import { nudgeSignal, proposalStartOptions, proposalWorkflowId, proposalWorkflowType } from '../workflows/proposal.contract.ts';

export interface RelayDeps {
  /** Connections of the relay's login. */
  pool: pg.Pool;
  client: Client;
  taskQueue: string;
  logger: Logger;
}

const olderThanMs = 2_000; // The API delivers its own nudges within milliseconds; what is older was missed. Younger ones would mostly be delivered twice.
const batch = 100;

/**
 * Delivers the nudges that the API committed and did not get delivered: it died in between, or Temporal was away. A nudge is marked only after Temporal has
 * persisted it, so a crash here delivers it again, which is harmless. Returns how many there were; throws when the database or Temporal is away.
 */
export async function redeliverNudges(deps: RelayDeps): Promise<number> {
  const nudges = await undeliveredNudges(deps.pool, { olderThanMs, limit: batch });
  const outcomes = await Promise.allSettled(nudges.map((nudge) => redeliver(deps, nudge)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason; // After all of them had their turn: one that fails must not hold up the others.
  return nudges.length;
}

async function redeliver(deps: RelayDeps, nudge: PendingNudge): Promise<void> {
  await withinTrace(nudge.traceparent, () =>
    isFinal(nudge.status) ? tellIfRunning(deps.client, nudge.proposalId) : tellOrStart(deps, nudge),
  );
  await markNudgeDelivered(deps.pool, nudge.tenant, nudge.nudgeId);
  deps.logger.info({ tenant: nudge.tenant, proposal: nudge.proposalId, status: nudge.status }, 'a nudge was redelivered');
}

async function tellOrStart({ client, taskQueue }: RelayDeps, { tenant, proposalId, actionType }: PendingNudge): Promise<void> {
  const start = { tenantId: tenant, proposalId, actionType };
  await client.workflow.signalWithStart(proposalWorkflowType, { ...proposalStartOptions(start, taskQueue), signal: nudgeSignal });
}

/** Nothing is left to do for a proposal in a final state, so no workflow is started for it; one that still waits is let go. */
async function tellIfRunning(client: Client, proposalId: string): Promise<void> {
  try {
    await client.workflow.getHandle(proposalWorkflowId(proposalId)).signal(nudgeSignal);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
