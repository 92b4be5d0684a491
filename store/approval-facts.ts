import type { ReviewFact } from '../ontology/authority.ts';
import { rolesDelegated } from './delegations.ts';
import { type GlassFacts, glassJson, type OwedFacts, owedJson } from './glass-facts.ts';
import { isoTime, type PlanFacts } from './proposal-row.ts';
import { type SentPrompts, sentPromptsJson } from './sent-prompts.ts';
import type { Sql } from './sql.ts';
import { isDisabled, rolesInForce, rolesSince } from './standing.ts';

/** What the pure quorum function needs: the plan's requirement, and each reviewer's newest review of exactly this revision and digest with standing as it is now. */
export interface ApprovalFacts {
  plan: PlanFacts | null;
  reviews: ReviewFact[];
  /** Whether the policies in force have refused the execution of what these reviews approved: it is not approved again before either changes. */
  held?: boolean;
  /** Absent where the policy asks for no reminders and no escalation. */
  prompts?: SentPrompts;
  glass?: GlassFacts;
  /** Absent where no emergency awaits its review. */
  owed?: OwedFacts;
}

/** SQL: the requirement of a row of plan, with whether it has escalated since the plan last became the proposal's. */
const requirementJson = (l: string): string => `CASE WHEN ${l}.requirement ? 'escalate' AND EXISTS (
    SELECT FROM exequatur.prompt t WHERE t.tenant_id = ${l}.tenant_id AND t.plan_id = ${l}.id AND t.kind = 'escalation' AND t.sent_at >= exequatur.counted_since(${l}.id))
  THEN ${l}.requirement || '{"escalated": true}' ELSE ${l}.requirement END`;

/** SQL for a plan's facts as JSON; `l` is a row of plan. */
export const planFactsJson = (l: string): string => `jsonb_build_object('id', ${l}.id, 'digest', ${l}.digest, 'edits', ${l}.edits,
  'requirement', ${requirementJson(l)}, 'riskTier', ${l}.summary -> 'riskTier', 'revertible', ${l}.summary -> 'revertible',
  'outside', coalesce((${l}.summary ->> 'effects')::int, 0) + coalesce((${l}.summary ->> 'checks')::int, 0))`;

/** SQL: whether a review row `r` is of the plan that a proposal row `p` has now, since it last became the proposal's. */
export const isOfPlan = (r: string, p: string): string =>
  `${r}.revision = ${p}.revision AND ${r}.digest = ${p}.plan_digest AND ${r}.created_at >= exequatur.counted_since(${p}.plan_id)`;

/** SQL: approvals last as long as the policy says, refusals as long as the plan. */
export const hasNotLapsed = (r: string, p: string): string =>
  `(${r}.decision <> 'approve' OR ${r}.created_at > (SELECT exequatur.approvals_since(${p}.plan_id)))`;

/**
 * SQL: whether reviews `n` and `r` are of one plan and have a person in common, under whatever identity, as the one whose review it is or as the delegate who gave it. Persons
 * and not ids: a review that a newer one makes void may itself have made void an older one under another identity.
 */
export const haveOneParty = (n: string, r: string): string =>
  `${n}.tenant_id = ${r}.tenant_id AND ${n}.proposal_id = ${r}.proposal_id AND ${n}.revision = ${r}.revision AND ${n}.digest = ${r}.digest
   AND EXISTS (SELECT FROM exequatur.principal a JOIN exequatur.principal b ON b.tenant_id = a.tenant_id AND COALESCE(b.person, b.id) = COALESCE(a.person, a.id)
                WHERE a.tenant_id = ${r}.tenant_id AND a.id IN (${n}.reviewer_id, ${n}.on_behalf_of) AND b.id IN (${r}.reviewer_id, ${r}.on_behalf_of))`;

/** SQL: whether a review row `r` of a proposal row `p` is the reviewer's own, or given by a delegation that holds now. */
export const isOwnOrDelegated = (r: string, p: string): string =>
  `(${r}.delegation_id IS NULL OR exequatur.delegation_holds(${r}.delegation_id, ${r}.on_behalf_of, ${r}.reviewer_id, ${p}.action_type))`;

/** SQL: which of these roles of a reviewer `q` stand behind a review `r`, which a delegate `d` may have given. */
const rolesBehind = (q: string, r: string, d: string, roles: string): string =>
  `CASE WHEN ${d}.id IS NULL THEN to_jsonb(${roles}) ELSE to_jsonb(${rolesDelegated(q, `${r}.delegation_id`, roles)}) END`;

/**
 * SQL for the array of review facts of a proposal row `p`. Reviews of another revision or digest, those of whose parties there is a newer one, and approvals that have
 * lapsed, simply do not count. One that a delegate gave is the delegator's, with those of the delegator's roles that the delegation is for and beside them all, and as that of somebody
 * disabled once the delegate is or the delegation holds no more. A denial has the roles that its reviewer had when they gave it, or at any time since: the database tells the same.
 */
export const reviewFactsJson = (p: string): string => `COALESCE((
  SELECT jsonb_agg(jsonb_build_object('id', r.id, 'reviewerId', r.whose, 'decision', r.decision, 'at', ${isoTime('r.created_at')},
                                      'kind', CASE WHEN q.kind = 'user' AND d.id IS NULL THEN r.reviewer_kind ELSE COALESCE(q.kind, r.reviewer_kind) END,
                                      'disabled', q.id IS NULL OR ${isDisabled('q')} OR (r.on_behalf_of IS NOT NULL AND (d.id IS NULL OR ${isDisabled('d')} OR NOT ${isOwnOrDelegated('r', p)})),
                                      'person', COALESCE(q.person, r.whose), 'teams', COALESCE(to_jsonb(q.teams), '[]'),
                                      'roles', CASE WHEN r.decision = 'reject' THEN ${rolesBehind('q', 'r', 'd', rolesSince('q', 'r.created_at'))} ELSE ${rolesBehind('q', 'r', 'd', rolesInForce('q'))} END,
                                      'allRoles', CASE WHEN d.id IS NOT NULL AND r.decision <> 'reject' THEN to_jsonb(${rolesInForce('q')}) END,
                                      'delegate', CASE WHEN d.id IS NOT NULL THEN jsonb_build_object('id', d.id, 'kind', CASE WHEN d.kind = 'user' THEN r.reviewer_kind ELSE d.kind END,
                                                                                                     'person', COALESCE(d.person, d.id)) END)
                   ORDER BY r.created_at, r.id)
    FROM (SELECT DISTINCT ON (v.reviewer_id, v.on_behalf_of) v.*, COALESCE(v.on_behalf_of, v.reviewer_id) AS whose FROM exequatur.review v
           WHERE v.tenant_id = ${p}.tenant_id AND v.proposal_id = ${p}.id AND ${isOfPlan('v', p)}
             AND NOT EXISTS (SELECT FROM exequatur.review n WHERE n.created_at > v.created_at AND ${haveOneParty('n', 'v')})
           ORDER BY v.reviewer_id, v.on_behalf_of, v.created_at DESC, v.decision = 'approve', v.id DESC) r
    LEFT JOIN exequatur.principal q ON q.tenant_id = r.tenant_id AND q.id = r.whose
    LEFT JOIN exequatur.principal d ON d.tenant_id = r.tenant_id AND d.id = r.reviewer_id AND r.on_behalf_of IS NOT NULL
   WHERE ${hasNotLapsed('r', p)}), '[]')`;

/** SQL: whether a proposal row `p` is held by policy. */
export const heldByPolicy = (p: string): string => `EXISTS (
  SELECT FROM exequatur.decision d JOIN exequatur.tenant_control c ON c.tenant_id = d.tenant_id AND c.policy_version = d.policy_version
   WHERE d.tenant_id = ${p}.tenant_id AND d.proposal_id = ${p}.id AND d.action = 'execute' AND d.outcome = 'refused' AND d.revision = ${p}.revision AND d.digest = ${p}.plan_digest
     AND NOT EXISTS (SELECT FROM exequatur.review v WHERE v.tenant_id = d.tenant_id AND v.proposal_id = d.proposal_id AND v.created_at > d.at))`;

const selectFacts = `SELECT CASE WHEN l.id IS NULL THEN NULL ELSE ${planFactsJson('l')} END AS plan, ${reviewFactsJson('p')} AS reviews, ${heldByPolicy('p')} AS held, ${sentPromptsJson('p', 'l')} AS prompts, ${glassJson('p', 'l')} AS glass, ${owedJson('p')} AS owed
  FROM exequatur.proposal p LEFT JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id WHERE p.id = $1::uuid`;

/**
 * MUST be sent after the statement that locks the proposal's row: only then does its snapshot hold every review that was committed before. Nothing of a proposal that
 * is not there.
 */
export async function readApprovalFacts(tx: Sql, proposalId: string): Promise<ApprovalFacts> {
  const [row] = await tx.rows<{
    plan: PlanFacts | null;
    reviews: ReviewFact[];
    held: boolean;
    prompts: SentPrompts | null;
    glass: GlassFacts | null;
    owed: OwedFacts | null;
  }>(selectFacts, [proposalId]);
  if (row === undefined) return { plan: null, reviews: [] };
  const { prompts, glass, owed, ...facts } = row;
  return { ...facts, ...(prompts === null ? {} : { prompts }), ...(glass === null ? {} : { glass }), ...(owed === null ? {} : { owed }) };
}
