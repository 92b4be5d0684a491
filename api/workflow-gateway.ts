import { Client, Connection, type ConnectionOptions, WorkflowNotFoundError } from '@temporalio/client';
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
} from '../workflows/proposal.contract.ts';
import { type ScheduledRunStart, temporalScheduleId } from '../workflows/scheduled-run.contract.ts';

/**
 * What the API tells Temporal, always after the commit and never as a condition of it: when Temporal is away, both calls say `false` within their deadline and the
 * relay does the same work later from the nudges that were committed. Neither throws.
 */
export interface WorkflowGateway {
  /** Starts the proposal's workflow, or joins it. True means that Temporal has persisted the start. */
  start(start: ProposalStart): Promise<boolean>;
  /** Makes the workflow look again; starts it where Temporal has lost it. True means that Temporal has persisted the nudge. */
  nudge(start: ProposalStart): Promise<boolean>;
  /** Whether no task of the workflow waits for a worker, or workers are fetching tasks, of which it has to wait its turn. Where Temporal does not answer nobody has taken anything. */
  isTaken(start: ProposalStart): Promise<boolean>;
  /** When a schedule runs next, ISO texts; null where Temporal cannot say now, or does not know the schedule yet. */
  nextRuns(schedule: Pick<ScheduledRunStart, 'tenantId' | 'scheduleId'>): Promise<string[] | null>;
  isReachable(): Promise<boolean>;
  close(): Promise<void>;
}

type GatewaySettings = Pick<ApiSettings, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'EXEQUATUR_TASK_QUEUE'>;

/** How long each call may take, ms; beyond it Temporal is in trouble and the relay is the better messenger. A start that came through late saves sending it again. */
const patienceMs = { start: 5_000, nudge: 2_000, probe: 1_000 };

/**
 * Sets each call's deadline. The client's own way, `withDeadline`, keeps it in an AsyncLocalStorage, whose bookkeeping of every promise was a tenth of what the API
 * did at all (measured with `--cpu-prof`).
 */
type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

const withDeadline: Interceptor = (options, nextCall) => {
  const { path } = options.method_definition;
  const call = path.endsWith('/StartWorkflowExecution') ? 'start' : path.endsWith('/Check') ? 'probe' : 'nudge';
  return nextCall({ ...options, deadline: Date.now() + patienceMs[call] }) as ReturnType<Interceptor>; // What it returns is what a caller is given, by another type.
};

const taskScheduled = 1; // PENDING_WORKFLOW_TASK_STATE_SCHEDULED of temporal.api.enums.v1: a worker has yet to take it.
const workflowTasks = 1; // TASK_QUEUE_TYPE_WORKFLOW of the same.
const polledLatelyMs = 5_000;

/** Without these a channel that was refused tries again only after up to two minutes, and would answer 202 long after Temporal is back. */
const channelArgs = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000 };

export interface GatewayOptions {
  tracing: Pick<Tracing, 'plugins'>;
  logger: Logger;
}

/** Connects on first use, so the API starts, and takes proposals, while Temporal is away. */
export function openWorkflowGateway(settings: GatewaySettings, options: GatewayOptions): WorkflowGateway {
  // No retry interceptor: the relay is the retry, and a caller should not wait for one.
  const connection = Connection.lazy({ address: settings.TEMPORAL_ADDRESS, interceptors: [withDeadline], channelArgs });
  const client = new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE, plugins: options.tracing.plugins });
  const taskQueue = settings.EXEQUATUR_TASK_QUEUE;

  const within = async (what: string, start: ProposalStart, call: () => Promise<unknown>): Promise<boolean> => {
    try {
      await call();
      return true;
    } catch (err) {
      options.logger.warn(
        { err, tenant: start.tenantId, proposal: start.proposalId },
        `${what} did not reach the workflow in time; the relay will`,
      );
      return false;
    }
  };

  /** A worker that is busy asks for tasks again and again; one that is idle takes what comes at once, so that nobody gets to ask this. */
  const isPolled = async (): Promise<boolean> => {
    const queue = { namespace: settings.TEMPORAL_NAMESPACE, taskQueue: { name: taskQueue }, taskQueueType: workflowTasks };
    const { pollers } = await connection.workflowService.describeTaskQueue(queue);
    const since = Date.now() - polledLatelyMs;
    return (pollers ?? []).some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 > since);
  };

  return {
    start: (start) => within('the start', start, () => client.workflow.start(proposalWorkflowType, proposalStartOptions(start, taskQueue))),
    nudge: (start) => within('a nudge', start, () => nudge(client, start, taskQueue)),
    isTaken: async ({ proposalId }) => {
      try {
        const { raw } = await client.workflow.getHandle(proposalWorkflowId(proposalId)).describe();
        return raw.pendingWorkflowTask?.state !== taskScheduled || (await isPolled());
      } catch (error) {
        return error instanceof WorkflowNotFoundError; // The start is still on its way; whether it arrives its sender learns.
      }
    },
    nextRuns: async (schedule) => {
      try {
        const { info } = await client.schedule.getHandle(temporalScheduleId(schedule)).describe();
        return info.nextActionTimes.map((time) => time.toISOString());
      } catch {
        return null;
      }
    },
    isReachable: async () => {
      try {
        await connection.workflowService.describeNamespace({ namespace: settings.TEMPORAL_NAMESPACE }); // A server may be well that has no such namespace.
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
