import { Client, Connection, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import type { ApiSettings } from '../config.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import {
  nudgeSignal,
  nudgeUpdate,
  type ProposalStart,
  proposalStartOptions,
  proposalWorkflowId,
  proposalWorkflowType,
  simulatedUpdate,
  simulatedUpdateId,
} from '../workflows/proposal.contract.ts';

/**
 * What the API tells Temporal, always after the commit and never as a condition of it: when Temporal is away, both calls say `false` within their deadline and the
 * relay does the same work later from the nudges that were committed. Neither throws.
 */
export interface WorkflowGateway {
  /** Starts the proposal's workflow, or joins it, and waits until simulation was committed. True also means that Temporal has persisted the start. */
  startAndAwaitSimulation(start: ProposalStart, revision: number): Promise<boolean>;
  /** Makes the workflow look again; starts it where Temporal has lost it. True means that Temporal has persisted the nudge. */
  nudge(start: ProposalStart): Promise<boolean>;
  isReachable(): Promise<boolean>;
  close(): Promise<void>;
}

type GatewaySettings = Pick<ApiSettings, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'EXEQUATUR_TASK_QUEUE'>;

const simulationPatienceMs = 5_000; // What somebody waits for an answer; a simulation that takes longer is read with GET.
const nudgePatienceMs = 2_000; // A signal takes milliseconds; past this Temporal is in trouble and the relay is the better messenger.
const probePatienceMs = 1_000;
/** Without these a channel that was refused tries again only after up to two minutes, and would answer 202 long after Temporal is back. */
const channelArgs = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000 };

export interface GatewayOptions {
  tracing: Pick<Tracing, 'plugins'>;
  logger: Logger;
  simulationPatienceMs?: number;
}

/** Connects on first use, so the API starts, and takes proposals, while Temporal is away. */
export function openWorkflowGateway(settings: GatewaySettings, options: GatewayOptions): WorkflowGateway {
  // No retry interceptor: the relay is the retry, and a caller should not wait for one.
  const connection = Connection.lazy({ address: settings.TEMPORAL_ADDRESS, interceptors: [], channelArgs });
  const client = new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE, plugins: options.tracing.plugins });
  const taskQueue = settings.EXEQUATUR_TASK_QUEUE;

  const within = async (patienceMs: number, what: string, start: ProposalStart, call: () => Promise<unknown>): Promise<boolean> => {
    try {
      await connection.withDeadline(Date.now() + patienceMs, call);
      return true;
    } catch (err) {
      options.logger.warn(
        { err, tenant: start.tenantId, proposal: start.proposalId },
        `${what} did not reach the workflow in time; the relay will`,
      );
      return false;
    }
  };

  return {
    startAndAwaitSimulation: (start, revision) =>
      within(options.simulationPatienceMs ?? simulationPatienceMs, 'the start', start, () =>
        client.workflow.executeUpdateWithStart(simulatedUpdate, {
          startWorkflowOperation: new WithStartWorkflowOperation(proposalWorkflowType, proposalStartOptions(start, taskQueue)),
          updateId: simulatedUpdateId(start.proposalId, revision),
        }),
      ),
    nudge: (start) => within(nudgePatienceMs, 'a nudge', start, () => nudge(client, start, taskQueue)),
    isReachable: async () => {
      try {
        await connection.withDeadline(Date.now() + probePatienceMs, () => connection.healthService.check({}));
        return true;
      } catch {
        return false;
      }
    },
    close: () => connection.close(),
  };
}

/**
 * As an update, which is at the worker in half the time of a signal; it counts once the worker has accepted it. A workflow that is not there gets the signal, which
 * starts it. A worker that is not there lets the time run out: the relay then sends the signal, which waits for one.
 */
async function nudge(client: Client, start: ProposalStart, taskQueue: string): Promise<void> {
  try {
    await client.workflow.getHandle(proposalWorkflowId(start.proposalId)).startUpdate(nudgeUpdate, { waitForStage: 'ACCEPTED' });
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    await client.workflow.signalWithStart(proposalWorkflowType, { ...proposalStartOptions(start, taskQueue), signal: nudgeSignal });
  }
}
