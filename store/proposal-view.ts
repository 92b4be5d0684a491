import type { Actor, Decide, ProposalFacts, ReviewFact } from '../ontology/authority.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { PlanSummary } from '../ontology/plan.ts';
import { problems } from '../ontology/problems.ts';
import { type StageState, settleQuorum } from '../ontology/quorum.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { hasNotLapsed, haveOneParty, heldByPolicy, isOfPlan, isOwnOrDelegated, planFactsJson, reviewFactsJson } from './approval-facts.ts';
import { type GlassFacts, glassJson, type OwedFacts, owedJson } from './glass-facts.ts';
import { type PastPlan, planHistoryJson } from './plan-history.ts';
import type { ProposalActions } from './proposal-actions.ts';
import { isoTime, type PlanFacts, type ProposalRow, proposalJson, type StoredFailure } from './proposal-row.ts';
import { type Family, familyJson, openRevertOf, type Reverted, type RevertView, type WhatStands, whatStands } from './reverts-of.ts';
import { type NotDone, notDone } from './saga/not-done.ts';
import { type NewestSaga, newestSagaJson, type SagaView, sagaView } from './saga/saga-view.ts';

export interface ReviewView {
  id: string;
  reviewer: { id: string; kind: string };
  /** Whose reviewing it was, where a delegate gave it. */
  onBehalfOf: string | null;
  decision: string;
  reason: string | null;
  comments: JsonValue;
  revision: number;
  digest: string;
  stage: string;
  /** False once another plan, also where this one came back after it, another revision or a newer review in which one of its parties had a part took its place, or its delegation ended. */
  counts: boolean;
  createdAt: string;
}

export interface ProposalView {
  id: string;
  status: ProposalStatus;
  actionType: { name: string; version: number };
  /** Null in lists where they are long; then `parametersOmitted` says so. */
  parameters: JsonValue;
  parametersOmitted?: true;
  justification: string;
  proposer: { id: string; kind: string; actsFor: string | null };
  revision: number;
  planDigest: string | null;
  planSummary: PlanSummary | null;
  /** The plans it had, oldest first: with each but the first, the approvals of the one before were void. */
  planHistory: PastPlan[];
  approval: { policy: string; automatic: boolean; stages: StageState[]; missing: string; escalated?: true; expiresAt: string } | null;
  reviews: ReviewView[];
  /** `revertibleUntil` is null where the document in force sets no bound. */
  execution: (Execution & NotDone) | null;
  /** How far an execution with effects is; null where the plan has none, or it has not begun. */
  effects: SagaView | null;
  executeAfter: string | null;
  /** What holds it, where it is scheduled for a time: `executeAfter`, or `window/<name>`. */
  held: { by: string; until: string } | null;
  /** The glass that was broken for this plan, and the review that is owed once it has been executed. */
  emergency: (Omit<GlassFacts, 'actor' | 'by'> & { brokenBy: string }) | null;
  revertOf: string | null;
  /** How much of it does not stand any more. */
  reverted: Reverted;
  revertedBy: string | null;
  reverts: RevertView[];
  failure: (StoredFailure & { title: string }) | null;
  actions: ProposalActions;
  statusTimestamps: Partial<Record<ProposalStatus, string>>;
  workflow: { id: string; url: string | null };
  createdAt: string;
  updatedAt: string;
}

interface Execution {
  id: string;
  executedAt: string;
  edits: number;
  revertibleUntil: string | null;
}

export interface ProposalRecord {
  /** When it was created, to the microsecond: what pages continue from. */
  key: string;
  /** When this was read, ISO text. */
  now: string;
  proposal: ProposalRow;
  parameters: string | null;
  plan: PlanFacts | null;
  summary: PlanSummary | null;
  history: PastPlan[];
  reviews: ReviewView[];
  counted: ReviewFact[];
  /** Held by policy: `store/approval-facts.ts`. */
  held: boolean;
  execution: Execution | null;
  /** Whether the time is over in which it may be reverted. */
  tooLate: boolean;
  saga: NewestSaga | null;
  /** Its executed reverts, those of these, and so on; of a revert also what it took back, and so on. */
  family: Family;
  /** The newest breaking of the glass for this plan. */
  glass: GlassFacts | null;
  /** The review of an emergency that is owed. */
  owed: OwedFacts | null;
  /** A revert of the family that is not final. */
  openRevert: string | null;
}

/** `actions` is what whoever looks at it may do: `store/proposal-actions.ts`. */
export function proposalView(record: ProposalRecord, actions: ProposalActions): ProposalView {
  const { proposal, plan, parameters } = record;
  const { reverted, revertedBy, reverts } = standingOf(record);
  return {
    id: proposal.id,
    status: proposal.status,
    actionType: { name: proposal.actionType, version: proposal.actionTypeVersion },
    parameters: parameters === null ? null : (JSON.parse(parameters) as JsonValue),
    ...(parameters === null ? { parametersOmitted: true as const } : {}),
    justification: proposal.justification,
    proposer: { id: proposal.proposerId, kind: proposal.proposerKind, actsFor: proposal.actsFor },
    revision: proposal.revision,
    planDigest: proposal.planDigest,
    planSummary: record.summary,
    planHistory: record.history,
    approval: plan === null ? null : approvalOf(proposal, plan, record.counted),
    reviews: record.reviews,
    execution: record.execution && { ...record.execution, ...notDone(record.saga ?? { steps: [] }) },
    effects: sagaView(record.saga, proposal.status === 'needs_attention'),
    executeAfter: proposal.executeAfter,
    held: heldOf(proposal),
    emergency: emergencyOf(record.glass),
    revertOf: proposal.revertOf,
    reverted,
    revertedBy,
    reverts,
    failure: proposal.failure === null ? null : { ...proposal.failure, title: problems[proposal.failure.code].title },
    actions,
    statusTimestamps: proposal.statusTimestamps,
    workflow: { id: `proposal/${proposal.id}`, url: null },
    createdAt: proposal.createdAt,
    updatedAt: proposal.updatedAt,
  };
}

function standingOf({ proposal, execution, family }: ProposalRecord): WhatStands {
  return whatStands(execution && { proposalId: proposal.id, executionId: execution.id }, family);
}

function emergencyOf(glass: GlassFacts | null): ProposalView['emergency'] {
  if (glass === null) return null;
  const { actor: _actor, by, ...shown } = glass;
  return { brokenBy: by, ...shown };
}

function heldOf({ status, heldBy, heldUntil }: ProposalRow): ProposalView['held'] {
  return status === 'scheduled' && heldBy !== null && heldUntil !== null ? { by: heldBy, until: heldUntil } : null;
}

function approvalOf(proposal: ProposalRow, plan: PlanFacts, reviews: readonly ReviewFact[]): ProposalView['approval'] {
  const { stages, missing } = settleQuorum(plan.requirement, reviews, proposal.behind);
  const { policy, automatic, escalated } = plan.requirement;
  return { policy, automatic, stages, missing, ...(escalated ? { escalated } : {}), expiresAt: proposal.expiresAt };
}

export function revertQuestion(record: ProposalRecord, actor: Actor, proposers: string | null): Parameters<Decide>[0] {
  return {
    action: 'proposal:revert',
    actor,
    proposal: proposalFacts(record.proposal),
    revertible: record.execution !== null && (record.plan?.revertible ?? false),
    reverted: standingOf(record).isTakenBack,
    revertOpen: record.openRevert !== null,
    tooLate: record.tooLate,
    proposers,
    automatic: record.plan?.requirement.automatic ?? false,
  };
}

export function proposalFacts(proposal: ProposalRow): ProposalFacts {
  return {
    status: proposal.status,
    revision: proposal.revision,
    digest: proposal.planDigest,
    proposerId: proposal.proposerId,
    proposerActsFor: proposal.actsFor,
    behind: proposal.behind,
    setting: settingOf(proposal.actionType),
  };
}

/** SQL for one review row `r` of a proposal row `p`. */
export const reviewJson = (r: string, counts: string): string => `jsonb_build_object('id', ${r}.id,
  'reviewer', jsonb_build_object('id', ${r}.reviewer_id, 'kind', ${r}.reviewer_kind), 'onBehalfOf', ${r}.on_behalf_of, 'decision', ${r}.decision, 'reason', ${r}.reason,
  'comments', ${r}.comments, 'revision', ${r}.revision, 'digest', ${r}.digest, 'stage', ${r}.stage, 'counts', ${counts}, 'createdAt', ${isoTime(`${r}.created_at`)})`;

/** SQL for the last instant at which the execution `x` of `p` may be reverted; null for ever. The document is looked at only where it has the word, once in a statement. */
const revertibleUntil = `(CASE WHEN NOT exequatur.governs(p.action_type) THEN x.executed_at + make_interval(secs => extract(epoch FROM (
  SELECT (o.document::jsonb ->> 'revertWithin')::interval FROM (SELECT d.document FROM exequatur.ontology_version d ORDER BY d.version DESC LIMIT 1) o
   WHERE strpos(o.document, '"revertWithin"') > 0))::float8) END)`;

/** SQL for a ProposalRecord; `parameters` is an expression for their text, or null to leave them out. Reads only, in one statement, so its parts agree. */
export const selectProposalRecord = (parameters: string, from: string): string => `
  SELECT p.created_at::text AS key, ${isoTime('exequatur.clock()')} AS now, ${proposalJson('p')} AS proposal, ${parameters} AS parameters,
         CASE WHEN l.id IS NOT NULL THEN ${planFactsJson('l')} END AS plan, l.summary AS summary, ${planHistoryJson('p')} AS history, ${reviewFactsJson('p')} AS counted, ${heldByPolicy('p')} AS held, ${glassJson('p', 'l')} AS glass, ${owedJson('p')} AS owed,
         COALESCE((SELECT jsonb_agg(${reviewJson(
           'r',
           `COALESCE(${isOfPlan('r', 'p')}, false) AND ${hasNotLapsed('r', 'p')} AND (x.executed_at IS NOT NULL OR r.decision = 'reject' OR ${isOwnOrDelegated('r', 'p')})
            AND NOT EXISTS (SELECT 1 FROM exequatur.review n WHERE ${haveOneParty('n', 'r')} AND (n.created_at, n.id) > (r.created_at, r.id))`,
         )} ORDER BY r.created_at, r.id) FROM exequatur.review r WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id), '[]') AS reviews,
         ${newestSagaJson('p')} AS saga,
         CASE WHEN x.executed_at IS NOT NULL AND p.status = 'executed' THEN jsonb_build_object('id', x.id, 'executedAt', ${isoTime('x.executed_at')}, 'edits', x.edits,
           'revertibleUntil', ${isoTime(revertibleUntil)}) END AS execution,
         CASE WHEN x.executed_at IS NOT NULL AND p.status = 'executed' THEN coalesce(${revertibleUntil} < exequatur.clock(), false) ELSE false END AS "tooLate",
         ${familyJson('p', 'x')} AS family,
         ${openRevertOf('p', 'x')} AS "openRevert"
    FROM ${from} p
    LEFT JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id
    LEFT JOIN exequatur.execution x ON x.tenant_id = p.tenant_id AND x.proposal_id = p.id`;
