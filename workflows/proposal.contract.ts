import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineSignal, defineUpdate } from '@temporalio/workflow';

/**
 * What the API, the relay and the worker share with the workflow of a proposal: names, ids, message types. Names are wire contracts: workflows that are running
 * were started with them, so they are never renamed.
 */
export const proposalWorkflowType = 'proposal';

/** The workflow's whole input. Parameters, plans and people stay in the database. */
export interface ProposalStart {
  readonly tenantId: string;
  readonly proposalId: string;
  readonly actionType: string;
}

/** "Look again": it carries nothing, so a lost, repeated or late one can do no harm. Sent with start, so that it also revives a workflow that Temporal has lost. */
export const nudgeSignal = defineSignal<[]>('nudge');

/**
 * The same as an update, which reaches a worker sooner, since the server writes nothing before the worker has answered. Where no worker answers it is lost: whoever
 * sends it counts the nudge as delivered only when it was accepted, and the relay sends the signal.
 */
export const nudgeUpdate = defineUpdate<void, []>('nudge');

export function proposalWorkflowId(proposalId: string): string {
  return `proposal/${proposalId}`;
}

/** Typed search attributes. A server MUST know them before the first workflow starts, or it refuses the start. */
export const tenantAttribute = defineSearchAttributeKey('TenantId', SearchAttributeType.KEYWORD);
export const actionTypeAttribute = defineSearchAttributeKey('ActionType', SearchAttributeType.KEYWORD);
export const statusAttribute = defineSearchAttributeKey('ProposalStatus', SearchAttributeType.KEYWORD);
export const riskTierAttribute = defineSearchAttributeKey('RiskTier', SearchAttributeType.KEYWORD);
export const needsAttentionAttribute = defineSearchAttributeKey('NeedsAttention', SearchAttributeType.BOOL);
export const expiresAtAttribute = defineSearchAttributeKey('ExpiresAt', SearchAttributeType.DATETIME);

export const searchAttributes = [
  tenantAttribute,
  actionTypeAttribute,
  statusAttribute,
  riskTierAttribute,
  needsAttentionAttribute,
  expiresAtAttribute,
] as const;

const workflowTaskTimeoutMs = 5_000; // A killed worker's local activity runs again after this long; below 5 s, a busy 2-core host times out healthy tasks.

/**
 * How the workflow is started, the same from everywhere: a start that meets a running workflow joins it, one that meets a closed workflow begins another, which
 * finds in the database where the proposal stands. There is no execution timeout: time runs out in the database.
 */
export function proposalStartOptions(start: ProposalStart, taskQueue: string) {
  return {
    workflowId: proposalWorkflowId(start.proposalId),
    taskQueue,
    args: [start] as [ProposalStart],
    workflowTaskTimeout: workflowTaskTimeoutMs,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    staticSummary: `${start.actionType} for tenant ${start.tenantId}`,
    typedSearchAttributes: [
      { key: tenantAttribute, value: start.tenantId },
      { key: actionTypeAttribute, value: start.actionType },
    ],
    // A tenant with a backlog takes turns with the others instead of standing in front of them.
    priority: { fairnessKey: start.tenantId },
  };
}
