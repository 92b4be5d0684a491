import type { PrincipalKind } from '../ontology/authority.ts';
import { membersOf } from '../ontology/change-set.ts';
import type { CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { PlanSummary } from '../ontology/plan.ts';
import {
  answered,
  type PlanForPolicy,
  type PolicyContext,
  type PolicyDecision,
  type PolicyEngine,
  type PolicyPrincipal,
  type PolicyRequest,
  type PolicySet,
} from '../ontology/policy-engine.ts';
import { sightAskedFirst } from './ask-policies.ts';
import { rolesDelegated } from './delegations.ts';
import { lookUpPlan } from './look-up-plan.ts';
import { amountsJson, planForPolicy, vocabularyOf } from './policy-facts.ts';
import type { LoadedPolicies } from './policy-sets.ts';
import { isoTime } from './proposal-row.ts';
import { type SeenProposal, type Sight, sightContext } from './see-proposal.ts';
import type { Sql } from './sql.ts';

/** A decision that would differ. */
export interface PolicyDifference {
  proposalId: string;
  actionType: string;
  action: 'propose' | 'review' | 'execute';
  principal: string;
  from: 'allow' | 'deny';
  to: 'allow' | 'deny';
  /** What determines it then. */
  policies: string[];
}

/** What a proposal as a whole comes to: `another_stage` where more people than approved it have to, and then it is allowed. */
type Fate = 'allowed' | 'another_stage' | 'refused';

/** A proposal that would come to something else. */
export interface FateDifference {
  proposalId: string;
  actionType: string;
  from: Fate;
  to: Fate;
  /** How many approvals it would take then; null where it is refused whatever people say. */
  approvals: number | null;
  /** Of what policy alone approved, the stages that would be asked then. */
  stages: string[];
  /** What keeps it from being as it was; none where nothing does, or nothing permits it. */
  policies: string[];
}

export interface Rehearsal {
  proposals: number;
  differences: PolicyDifference[];
  fates: FateDifference[];
  /** The fates in words. */
  summary: string;
}

interface PastProposal {
  id: string;
  actionType: string;
  isRevert: boolean;
  createdAt: string;
  proposer: PolicyPrincipal;
  planId: string;
  summary: PlanSummary;
  automatic: boolean;
  amounts: Record<string, string> | null;
  reviews: (PolicyPrincipal & {
    kind: PrincipalKind;
    onBehalfOf: PolicyContext['onBehalfOf'] | null;
    at: string;
  })[];
}

const rehearsed = 100; // As many as somebody would look through; what policies do to the newest is what they will do.

/**
 * What the newest proposals with a plan would have met under other policies: proposing, each approval that was given, and the execution. Reviewers and proposers count
 * with the roles they had then, and the teams they have now; those on whose behalf somebody reviewed with what they have now. Of touched objects, what the plan did not
 * write is as it is now. `sees` tells which of these proposals whoever asks may see, and the others are left out as if there were none; null where that is all of them.
 */
export async function rehearsePolicies(
  sql: Sql,
  engine: PolicyEngine,
  {
    from,
    to,
    goesBy,
    ontology,
    sees,
  }: {
    from: PolicySet;
    to: PolicySet;
    goesBy: LoadedPolicies['goesBy'];
    ontology: CompiledOntology | null;
    sees: Sight | null;
  },
): Promise<Rehearsal> {
  const { amounts } = vocabularyOf(ontology);
  const past: PastProposal[] = [];
  for (const proposal of await readPast(sql, amounts)) if (sees === null || (await sees(seenAs(proposal)))) past.push(proposal);
  const differences: PolicyDifference[] = [];
  const fates: FateDifference[] = [];
  for (const proposal of past) {
    const plan = { ...planForPolicy(proposal.summary, proposal.amounts, amounts), ...(await lookUpPlan(sql, proposal, goesBy, ontology)) };
    const questions = membersOf(proposal.actionType).flatMap((actionType) => questionsOf({ ...proposal, actionType }, plan));
    const found = differences.length;
    for (const question of questions) {
      const before = await answerOf(engine, from, question);
      const after = await answerOf(engine, to, question);
      if (before.decision !== after.decision) differences.push(differenceOf(proposal, question.request, before, after));
    }
    if (differences.length === found) continue;
    const [before, after] = [await fateOf(engine, from, questions), await fateOf(engine, to, questions)];
    if (before.fate === after.fate && before.approvals === after.approvals) continue;
    const { id: proposalId, actionType } = proposal;
    const { fate, approvals, policies } = after;
    const stages = fate === 'another_stage' && proposal.automatic ? stagesOf(ontology, actionType) : [];
    fates.push({ proposalId, actionType, from: before.fate, to: fate, approvals, stages, policies });
  }
  return { proposals: past.length, differences, fates, summary: inWords(fates) };
}

/** As it is asked in the end: whether the principal sees the tenant, and of a review the proposal, before anything else. */
interface Question {
  request: PolicyRequest;
  sights: readonly PolicyRequest[];
}

async function answerOf(engine: PolicyEngine, set: PolicySet, { request, sights }: Question): Promise<PolicyDecision> {
  for (const sight of sights) {
    const seen = answered(await engine.decide(set, sight));
    if (seen.decision === 'deny') return seen;
  }
  return answered(await engine.decide(set, request));
}

function seenAs({ id, actionType, proposer, summary }: Pick<PastProposal, 'id' | 'actionType' | 'proposer' | 'summary'>): SeenProposal {
  return { id, actionType, proposerId: proposer.id, proposerKind: proposer.kind, actsFor: proposer.actsFor ?? null, summary };
}

const mostMore = 10; // Approvals beyond those that were given: nobody asks that many people more.

/** Of a change set each action is asked, and one that is refused is the answer. */
async function fateOf(
  engine: PolicyEngine,
  set: PolicySet,
  questions: readonly Question[],
): Promise<{ fate: Fate; approvals: number | null; policies: string[] }> {
  const policies = new Set<string>();
  const refusedBy = async (asked: readonly Question[]) => {
    const denied: PolicyRequest[] = [];
    for (const question of asked) {
      const { decision, policies: by } = await answerOf(engine, set, question);
      if (decision === 'allow') continue;
      denied.push(question.request);
      for (const policy of by) policies.add(policy);
    }
    return denied;
  };
  const of = (action: PolicyRequest['action']) => questions.filter(({ request }) => request.action === action);
  if ((await refusedBy(of('propose'))).length > 0) return { fate: 'refused', approvals: null, policies: [...policies].sort() };
  const lost = new Set((await refusedBy(of('review'))).map(({ principal }) => principal.id));
  const executes = of('execute');
  const given = executes[0]?.request.context.approvals ?? 0;
  const counted = given - lost.size;
  const withApprovals = (approvals: number) =>
    executes.map(({ request, sights }) => ({ sights, request: { ...request, context: { ...request.context, approvals } } }));
  const isRefused = (await refusedBy(withApprovals(counted))).length > 0;
  const determined = [...policies].sort();
  if (!isRefused && lost.size === 0) return { fate: 'allowed', approvals: given, policies: [] };
  for (let approvals = isRefused ? counted + 1 : given; approvals <= given + mostMore; approvals++) {
    if ((await refusedBy(withApprovals(approvals))).length === 0) return { fate: 'another_stage', approvals, policies: determined };
  }
  return { fate: 'refused', approvals: null, policies: determined };
}

function stagesOf(ontology: CompiledOntology | null, actionType: string): string[] {
  const actions = membersOf(actionType).flatMap((name) => ontology?.actionTypes.get(name) ?? []);
  return [...new Set(actions.flatMap(({ policy }) => policy.stages.map(({ name }) => name)))];
}

function inWords(fates: readonly FateDifference[]): string {
  const count = (to: Fate) => fates.filter((one) => one.to === to).length;
  const said = [
    [count('another_stage'), 'would now need another stage'],
    [count('refused'), 'would now be refused'],
    [count('allowed'), 'would now be allowed as they were approved'],
  ] as const;
  const words = said.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return words.length === 0 ? 'No proposal would come to anything else.' : `${words.join(', ')}.`;
}

function differenceOf(
  { id: proposalId, actionType }: PastProposal,
  { action, principal }: PolicyRequest,
  { decision: from }: PolicyDecision,
  { decision: to, policies }: PolicyDecision,
): PolicyDifference {
  return { proposalId, actionType, action: action as PolicyDifference['action'], principal: principal.id, from, to, policies };
}

function questionsOf(proposal: PastProposal, plan: PlanForPolicy): Question[] {
  return requestsOf(proposal, plan).map((request) => {
    const tenant = sightAskedFirst(request);
    const { principal, resource, context } = request;
    const isSeen = principal.id === proposal.proposer.id || principal.id === proposal.proposer.actsFor;
    const own: PolicyRequest = { principal, action: 'see', resource, context: sightContext(seenAs(proposal), context.now) };
    return { request, sights: [...(tenant === null ? [] : [tenant]), ...(request.action === 'review' && !isSeen ? [own] : [])] };
  });
}

function requestsOf({ actionType: resource, isRevert, createdAt, proposer, reviews }: PastProposal, plan: PlanForPolicy): PolicyRequest[] {
  const shared = { plan, proposer: { id: proposer.id, kind: proposer.kind } };
  const approvals = new Set(reviews.map(({ id }) => id)).size;
  const last = reviews.at(-1)?.at ?? createdAt;
  return [
    { principal: proposer, action: 'propose', resource, context: { now: createdAt, revert: isRevert } },
    ...reviews.map(
      ({ onBehalfOf, at, ...principal }): PolicyRequest => ({
        principal,
        action: 'review',
        resource,
        context: { now: at, ...shared, decision: 'approve', ...(onBehalfOf ? { onBehalfOf } : {}) },
      }),
    ),
    { principal: proposer, action: 'execute', resource, context: { now: last, ...shared, approvals } },
  ];
}

function readPast(sql: Sql, amounts: readonly string[]): Promise<PastProposal[]> {
  const teams = (id: string) =>
    `COALESCE((SELECT to_jsonb(q.teams) FROM exequatur.principal q WHERE q.tenant_id = p.tenant_id AND q.id = ${id}), '[]')`;
  const delegator = `(SELECT jsonb_build_object('id', q.id, 'roles', to_jsonb(${rolesDelegated('q', 'r.delegation_id')}), 'teams', to_jsonb(q.teams))
                        FROM exequatur.principal q WHERE q.tenant_id = r.tenant_id AND q.id = r.on_behalf_of)`;
  return sql.rows<PastProposal>(
    `SELECT p.id::text AS id, p.action_type AS "actionType", p.revert_of IS NOT NULL AS "isRevert", ${isoTime('p.created_at')} AS "createdAt",
            jsonb_build_object('id', p.proposer_id, 'kind', p.proposer_kind, 'roles', to_jsonb(p.proposer_roles), 'actsFor', p.acts_for, 'teams', ${teams('p.proposer_id')}) AS proposer,
            l.id::text AS "planId", l.summary, COALESCE((l.requirement ->> 'automatic')::boolean, false) AS automatic, ${amountsJson('p', '$1::text[]')} AS amounts,
            COALESCE((SELECT jsonb_agg(jsonb_build_object('id', r.reviewer_id, 'kind', r.reviewer_kind, 'roles', to_jsonb(r.reviewer_roles), 'actsFor', NULL, 'teams', ${teams('r.reviewer_id')},
                                                          'onBehalfOf', ${delegator}, 'at', ${isoTime('r.created_at')}) ORDER BY r.created_at, r.id)
                        FROM exequatur.review r WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.decision = 'approve'), '[]') AS reviews
       FROM (SELECT * FROM exequatur.proposal n WHERE n.plan_id IS NOT NULL AND NOT exequatur.governs(n.action_type) ORDER BY n.created_at DESC, n.id DESC LIMIT ${rehearsed}) p
       JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id ORDER BY p.created_at DESC, p.id DESC`,
    [amounts],
  );
}
