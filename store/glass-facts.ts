import type { Actor, BrokenGlass, OwedReview } from '../ontology/authority.ts';
import { glassHolds } from '../ontology/broken-glass.ts';
import { durationMs } from '../ontology/duration.ts';
import { isFinal } from '../ontology/lifecycle.ts';
import type { ApprovalFacts } from './approval-facts.ts';
import { isoTime, type LockedProposal } from './proposal-row.ts';
import { actorJson } from './standing.ts';

export const verdicts = ['justified', 'unjustified'] as const;
export type Verdict = (typeof verdicts)[number];

/** The newest breaking of the glass for the plan that a proposal has, and its review. Times are ISO text. */
export interface GlassFacts {
  by: string;
  reason: string;
  at: string;
  /** False once the plan was another in between, or as approvals lapse. */
  counts: boolean;
  /** Who broke it, by standing alone. */
  actor: Actor | null;
  /** When the review is due; null before the execution has begun. */
  dueAt: string | null;
  overdueAt: string | null;
  review: { reviewer: string; verdict: Verdict; comment: string | null; at: string } | null;
}

/** The review that is owed for an emergency: of the newest of which it was not told yet that it is missing, else of the newest. */
export interface OwedFacts extends OwedReview {
  by: string;
  /** Of the plan that was executed, or was to be; the proposal may have another by now. */
  revision: number;
  digest: string;
  dueAt: string;
  overdueAt: string | null;
}

/**
 * SQL: whether an execution has begun behind a row of glass `g` of a proposal row `p`: of the plan that it has, or one with effects of that plan, whatever that came to and
 * whatever plan it has since. The database asks the same of whoever reviews, and the relay of what it starts anew.
 */
const hasBegun = (g: string, p: string): string => `((${g}.revision = ${p}.revision AND ${g}.digest = ${p}.plan_digest
    AND (${p}.status = 'executed' OR (${p}.status = 'failed' AND ${p}.status_timestamps ? 'executing')))
  OR EXISTS (SELECT FROM exequatur.saga b WHERE b.tenant_id = ${g}.tenant_id AND b.proposal_id = ${g}.proposal_id AND b.digest = ${g}.digest AND b.begun_at >= ${g}.broken_at))`;

/** SQL: by when an emergency is reviewed, by the requirement of its plan: from its execution on, or from its beginning where it came to none. */
const dueAt = (g: string, p: string, requirement: string): string =>
  isoTime(`(COALESCE(
    (SELECT x.executed_at FROM exequatur.execution x WHERE x.tenant_id = ${p}.tenant_id AND x.proposal_id = ${p}.id AND x.digest = ${g}.digest),
    (SELECT max(b.begun_at) FROM exequatur.saga b WHERE b.tenant_id = ${p}.tenant_id AND b.proposal_id = ${p}.id AND b.digest = ${g}.digest),
    (${p}.status_timestamps ->> 'executing')::timestamptz) + (${requirement} -> 'breakGlass' ->> 'reviewWithin')::interval)`);

/** SQL for what is owed of a proposal row `p` as JSON; null where nothing is. */
export const owedJson = (p: string): string => `(
  SELECT jsonb_build_object('by', o.broken_by, 'revision', o.revision, 'digest', o.digest, 'reviewers', r.requirement -> 'breakGlass' -> 'reviewers',
           'behind', to_jsonb(ARRAY(SELECT exequatur.behind_emergency(o))), 'dueAt', ${dueAt('o', p, 'r.requirement')}, 'overdueAt', ${isoTime('o.overdue_at')})
    FROM exequatur.glass o
    JOIN exequatur.plan r ON r.tenant_id = o.tenant_id AND r.proposal_id = o.proposal_id AND r.revision = o.revision AND r.digest = o.digest
   WHERE o.tenant_id = ${p}.tenant_id AND o.proposal_id = ${p}.id AND o.reviewed_at IS NULL AND ${hasBegun('o', p)}
   ORDER BY o.overdue_at IS NOT NULL, o.broken_at DESC, o.id LIMIT 1)`;

/** SQL for the glass of a proposal row `p` and its plan row `l` as JSON; null where the plan's policy provides for no emergency. */
export const glassJson = (p: string, l: string): string => `CASE WHEN ${l}.requirement ? 'breakGlass' THEN (
  SELECT jsonb_build_object('by', g.broken_by, 'reason', g.reason, 'at', ${isoTime('g.broken_at')},
           'counts', g.broken_at >= exequatur.counted_since(${p}.plan_id) AND g.broken_at > exequatur.approvals_since(${p}.plan_id),
           'actor', CASE WHEN q.id IS NOT NULL THEN ${actorJson('q')} END,
           'dueAt', CASE WHEN ${hasBegun('g', p)} THEN ${dueAt('g', p, `${l}.requirement`)} END,
           'overdueAt', ${isoTime('g.overdue_at')},
           'review', CASE WHEN g.reviewed_at IS NOT NULL THEN
             jsonb_build_object('reviewer', g.reviewed_by, 'verdict', g.verdict, 'comment', g.comment, 'at', ${isoTime('g.reviewed_at')}) END)
    FROM exequatur.glass g LEFT JOIN exequatur.principal q ON q.tenant_id = g.tenant_id AND q.id = g.broken_by
   WHERE g.tenant_id = ${p}.tenant_id AND g.proposal_id = ${p}.id AND g.revision = ${p}.revision AND g.digest = ${p}.plan_digest
   ORDER BY g.broken_at DESC, g.id LIMIT 1) END`;

/** SQL: whether an execution of a proposal row `p` began in an emergency that nobody has reviewed. */
export const owesReview = (p: string): string => `EXISTS (
  SELECT FROM exequatur.glass g WHERE g.tenant_id = ${p}.tenant_id AND g.proposal_id = ${p}.id AND g.reviewed_at IS NULL AND ${hasBegun('g', p)})`;

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

/**
 * When the review after an emergency is due, ms; null where none is owed, its lateness has been told, or the execution is still under way by itself. Of an execution in this very
 * transaction as of now.
 */
export function reviewDueMs(proposal: LockedProposal, { plan, glass, owed }: ApprovalFacts): number | null {
  if (!isFinal(proposal.status) && proposal.status !== 'needs_attention') return null;
  if (owed) return owed.overdueAt === null ? Date.parse(owed.dueAt) : null;
  const within = plan?.requirement.breakGlass?.reviewWithin;
  if (proposal.status !== 'executed' || !glass || glass.dueAt !== null || within === undefined) return null;
  return Date.parse(proposal.now) + durationMs(within);
}
