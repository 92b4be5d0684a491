import type { Mask } from '../ontology/mask.ts';
import type { ProposalView } from '../store/proposal-view.ts';
import type { ApiContext } from './api-context.ts';
import { maskConflicts } from './mask-conflicts.ts';
import { type ProblemDocument, problemDocument } from './problem.ts';
import type { Answer } from './route.ts';

export type PresentedProposal = Omit<ProposalView, 'failure'> & { failure: Omit<ProblemDocument, 'requestId' | 'traceId'> | null };

/** The proposal as a client sees it: the store's view through its mask, with the workflow's page and the failure as a problem document. */
export function presentProposal(view: ProposalView, mask: Mask, context: ApiContext): PresentedProposal {
  return {
    ...view,
    parameters: mask.parameters(view.actionType.name, view.parameters),
    planSummary: view.planSummary && mask.summary(view.actionType.name, view.planSummary),
    effects: view.effects && maskConflicts(view.effects, mask),
    failure: view.failure === null ? null : failureOf(view, view.failure, mask),
    workflow: { ...view.workflow, url: workflowUrl(view.workflow.id, context) },
  };
}

function failureOf(
  { id, actionType }: ProposalView,
  failure: NonNullable<ProposalView['failure']>,
  mask: Mask,
): PresentedProposal['failure'] {
  const { requestId: _, ...problem } = problemDocument(
    {
      refused: failure.code,
      faults: (failure.faults ?? []).map((fault) => mask.fault(actionType.name, fault)),
      ...(failure.count === undefined ? {} : { count: failure.count }),
    },
    { instance: `/v1/proposals/${id}`, requestId: '' },
  );
  return problem;
}

function workflowUrl(workflowId: string, { resources: { workflowPages } }: ApiContext): string | null {
  if (workflowPages === null) return null;
  return `${workflowPages.url.replace(/\/$/, '')}/namespaces/${encodeURIComponent(workflowPages.namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

/** A new proposal: 201 once it has left simulation, 202 while the answer is to be fetched later. A repeat of the same request is answered like the first. */
export function proposedAnswer(proposal: PresentedProposal, repeated: boolean): Answer {
  return {
    status: proposal.status === 'simulating' ? 202 : 201,
    body: proposal,
    headers: { location: `/v1/proposals/${proposal.id}`, ...(repeated ? { 'idempotency-replayed': 'true' } : {}) },
  };
}
