import type { Actor, BrokenGlass } from '../ontology/authority.ts';
import { glassHolds } from '../ontology/broken-glass.ts';
import { durationMs } from '../ontology/duration.ts';
import type { ApprovalFacts } from './approval-facts.ts';
import { isoTime, type LockedProposal } from './proposal-row.ts';
import { actorJson } from './standing.ts';

export const verdicts = ['justified', 'unjustified'] as const;
export type Verdict = (typeof verdicts)[number];

/** The newest breaking of the glass for the plan that a proposal has, and the review that is owed for it. Times are ISO text. */
export interface GlassFacts {
  by: string;
  reason: string;
  at: string;
  /** False once the plan was another in between, or as approvals lapse. */
  counts: boolean;
  /** Who broke it, by standing alone. */
  actor: Actor | null;
  /** When the review is due; null before the execution. */
  dueAt: string | null;
  overdueAt: string | null;
  review: { reviewer: string; verdict: Verdict; comment: string | null; at: string } | null;
}

/** SQL for the same of a proposal row `p` and its plan row `l` as JSON; null where the plan's policy provides for no emergency. */
export const glassJson = (p: string, l: string): string => `CASE WHEN ${l}.requirement ? 'breakGlass' THEN (
  SELECT jsonb_build_object('by', g.broken_by, 'reason', g.reason, 'at', ${isoTime('g.broken_at')},
           'counts', g.broken_at >= exequatur.counted_since(${p}.plan_id) AND g.broken_at > exequatur.approvals_since(${p}.plan_id),
           'actor', CASE WHEN q.id IS NOT NULL THEN ${actorJson('q')} END,
           'dueAt', (SELECT ${isoTime(`(x.executed_at + (${l}.requirement -> 'breakGlass' ->> 'reviewWithin')::interval)`)}
                       FROM exequatur.execution x WHERE x.tenant_id = ${p}.tenant_id AND x.proposal_id = ${p}.id),
           'overdueAt', ${isoTime('g.overdue_at')},
           'review', CASE WHEN g.reviewed_at IS NOT NULL THEN
             jsonb_build_object('reviewer', g.reviewed_by, 'verdict', g.verdict, 'comment', g.comment, 'at', ${isoTime('g.reviewed_at')}) END)
    FROM exequatur.glass g LEFT JOIN exequatur.principal q ON q.tenant_id = g.tenant_id AND q.id = g.broken_by
   WHERE g.tenant_id = ${p}.tenant_id AND g.proposal_id = ${p}.id AND g.revision = ${p}.revision AND g.digest = ${p}.plan_digest
   ORDER BY g.broken_at DESC, g.id LIMIT 1) END`;

/** SQL: whether a proposal row `p` was executed in an emergency that nobody has reviewed. */
export const owesReview = (p: string): string => `(${p}.status = 'executed' AND EXISTS (
  SELECT FROM exequatur.glass g WHERE g.tenant_id = ${p}.tenant_id AND g.proposal_id = ${p}.id AND g.revision = ${p}.revision AND g.digest = ${p}.plan_digest
     AND g.reviewed_at IS NULL))`;

/** What the gate goes by. */
export function brokenGlassOf(glass: GlassFacts | null | undefined): BrokenGlass | null {
  if (!glass?.counts || glass.actor === null) return null;
  const { kind, roles, disabled, person } = glass.actor;
  return { by: glass.by, kind, roles, disabled, person };
}

/** Whether a broken glass stands in for the quorum now. */
export function isBehindGlass(facts: ApprovalFacts, behind: readonly string[]): boolean {
  return facts.plan !== null && glassHolds(facts.plan.requirement, brokenGlassOf(facts.glass), facts.reviews, behind);
}

/** When the review after an emergency is due, ms; null where none is owed, or its lateness has been told. Of an execution in this very transaction as of now. */
export function reviewDueMs(proposal: LockedProposal, { plan, glass }: ApprovalFacts): number | null {
  const within = plan?.requirement.breakGlass?.reviewWithin;
  if (proposal.status !== 'executed' || !glass || within === undefined || glass.review !== null || glass.overdueAt !== null) return null;
  return glass.dueAt === null ? Date.parse(proposal.now) + durationMs(within) : Date.parse(glass.dueAt);
}
