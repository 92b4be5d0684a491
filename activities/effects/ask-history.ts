import { Context } from '@temporalio/activity';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import type { Asked } from '../../store/saga/start-attempt.ts';
import { proposalWorkflowId } from '../../workflows/proposal.contract.ts';
import { failureTypes, type PerformStart, type ProposalState } from '../../workflows/proposal-activities.contract.ts';

type Payload = Parameters<typeof defaultPayloadConverter.fromPayload>[0];
type Payloads = { payloads?: Payload[] | null } | null | undefined;

interface HistoryEvent {
  eventId?: unknown;
  activityTaskScheduledEventAttributes?: {
    activityId?: string | null;
    activityType?: { name?: string | null } | null;
    input?: Payloads;
  } | null;
  activityTaskCompletedEventAttributes?: { scheduledEventId?: unknown; result?: Payloads } | null;
}

/** As much of Temporal, by the client's connection or the worker's, as it takes to read histories. */
export interface HistoryService {
  readonly namespace: string;
  readonly workflowService: {
    listWorkflowExecutions(request: {
      namespace: string;
      query: string;
    }): Promise<{ executions?: { execution?: { runId?: string | null } | null }[] | null }>;
    getWorkflowExecutionHistory(request: {
      namespace: string;
      execution: { workflowId: string; runId: string };
      nextPageToken: Uint8Array;
    }): Promise<{ history?: { events?: HistoryEvent[] | null } | null; nextPageToken?: Uint8Array | null }>;
  };
}

/** What a heartbeat says: the number of the last attempt that was on record, and which try of the activity ended by itself, and so has said everything. */
export interface Beat {
  tried: number;
  ended?: number;
}

/**
 * Whether Temporal knows of an attempt at a step that the database does not know of, which was then restored to an instant before it: by what this activity said when it was tried before, and by what
 * other activities of the proposal's workflows came to, those of closed ones included for as long as Temporal keeps them. What was given out by the server that still runs is not doubted: no
 * state from before is brought back under a running server. Of the rest an activity that said nothing may have sent. @throws {ApplicationFailure} where Temporal does not answer
 */
export async function mayBeSent(service: HistoryService, { proposalId, step }: PerformStart, asked: Asked): Promise<boolean> {
  const { attempt, activityId, heartbeatDetails, workflowExecution } = Context.current().info;
  const said = heartbeatDetails as Beat | undefined;
  if (attempt > 1 && (said?.tried ?? 0) > asked.made) return true;
  if (attempt > 1 && said?.ended !== attempt - 1 && (step.server ?? asked.server) !== asked.server) return true;
  try {
    const workflowId = proposalWorkflowId(proposalId);
    const own = workflowExecution?.runId;
    for (const runId of await runsOf(service, workflowId, own)) {
      const tries = await triesIn(service, { workflowId, runId }, asked);
      if (runId === own) tries.delete(activityId);
      for (const { server, tried } of tries.values()) if (server !== asked.server && tried > asked.made) return true;
    }
    return false;
  } catch (error) {
    throw ApplicationFailure.create({
      message: 'Temporal did not say what it knows.',
      type: failureTypes.historyAway,
      cause: error as Error,
    });
  }
}

async function runsOf({ workflowService, namespace }: HistoryService, workflowId: string, own: string | undefined): Promise<Set<string>> {
  const { executions } = await workflowService.listWorkflowExecutions({ namespace, query: `WorkflowId = "${workflowId}"` });
  const found = (executions ?? []).flatMap(({ execution }) => execution?.runId ?? []);
  return new Set([...(own === undefined ? [] : [own]), ...found]);
}

interface Try {
  server: string | undefined;
  /** Infinite where nobody said. */
  tried: number;
}

/** Of a run's activities those that were this step, by their ids. Empty where Temporal no longer keeps it. */
async function triesIn(
  { workflowService, namespace }: HistoryService,
  execution: { workflowId: string; runId: string },
  { kind, ordinal, of }: Asked,
): Promise<Map<string, Try>> {
  const tries = new Map<string, Try>();
  const scheduled = new Map<string, Try>();
  for (let nextPageToken: Uint8Array = new Uint8Array(); ; ) {
    const page = await workflowService.getWorkflowExecutionHistory({ namespace, execution, nextPageToken });
    for (const { eventId, activityTaskScheduledEventAttributes: given, activityTaskCompletedEventAttributes: completed } of page.history
      ?.events ?? []) {
      if (given?.activityType?.name === 'perform') {
        const { step } = decoded<PerformStart>(given.input);
        if (step.kind !== kind || step.ordinal !== ordinal || step.of !== of) continue;
        const one = { server: step.server, tried: Number.POSITIVE_INFINITY };
        tries.set(given.activityId ?? '', one);
        scheduled.set(String(eventId), one);
      }
      const ended = completed && scheduled.get(String(completed.scheduledEventId));
      if (ended) ended.tried = decoded<ProposalState>(completed.result).tried ?? Number.POSITIVE_INFINITY;
    }
    if (!page.nextPageToken?.length) return tries;
    nextPageToken = page.nextPageToken;
  }
}

function decoded<T>(given: Payloads): T {
  const [payload] = given?.payloads ?? [];
  if (payload === undefined) throw new Error('a history lacks what an activity was given, or gave');
  return defaultPayloadConverter.fromPayload<T>(payload);
}
