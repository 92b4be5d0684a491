import type { PrincipalKind } from '../ontology/authority.ts';
import { finalStatuses, type ProposalStatus } from '../ontology/lifecycle.ts';
import type { Fault, ResolvedRequirement } from '../ontology/plan.ts';
import type { ProblemCode } from '../ontology/problems.ts';
import { settingActions } from '../ontology/setting-actions.ts';
import type { Sql } from './sql.ts';

/** Why a proposal is `invalid` or `failed`, as it is stored and shown. */
export interface StoredFailure {
  code: ProblemCode;
  faults?: Fault[];
  /** How many there are, where `faults` are the first alone. */
  count?: number;
}

/** A proposal's row without its parameters, which may be megabytes and are read only where they are needed. Times are ISO text in UTC. */
export interface ProposalRow {
  id: string;
  status: ProposalStatus;
  actionType: string;
  actionTypeVersion: number;
  ontologyVersion: number;
  justification: string;
  proposerId: string;
  proposerKind: PrincipalKind;
  proposerRoles: string[];
  actsFor: string | null;
  /**
   * Ids and persons on the proposer's side, then and now, as the directory knows them now: exequatur.stands_behind_proposal(). Of a change of somebody's standing, a delegation, and a switch
   * on somebody, also on the side of those whom it is about, as the door asks again of the plan: exequatur.concerned_by().
   */
  behind: string[];
  revision: number;
  revisionSeed: string;
  evaluatedAt: string;
  planId: string | null;
  planDigest: string | null;
  expiresAt: string;
  revertOf: string | null;
  /** Of a revert: whether it leaves out what others changed since. */
  skipsConflicts: boolean;
  /** Not before this time. */
  executeAfter: string | null;
  /** Where it is held until a time: that time, and `executeAfter` or `window/<name>`. */
  heldUntil: string | null;
  heldBy: string | null;
  failure: StoredFailure | null;
  statusTimestamps: Partial<Record<ProposalStatus, string>>;
  createdAt: string;
  updatedAt: string;
}

/** A locked proposal and the instant, taken after the lock, that decides whether its time has run out. */
export interface LockedProposal extends ProposalRow {
  now: string;
}

/** What a plan says of itself, without its edits. */
export interface PlanFacts {
  id: string;
  digest: string;
  edits: number;
  requirement: ResolvedRequirement;
  riskTier: string;
  revertible: boolean;
  /** How many steps outside the database it has. */
  outside: number;
}

/** SQL for a time as ISO text in UTC with milliseconds, whatever the session's TimeZone is. */
export const isoTime = (expression: string): string => `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const behind = (p: string): string =>
  `to_jsonb(ARRAY(SELECT u.b FROM (
     SELECT exequatur.stands_behind_proposal(${p}.proposer_id, ${p}.acts_for, ${p}.revised_for) UNION
     SELECT exequatur.stands_behind(c.id, NULL) FROM jsonb_array_elements_text(CASE ${p}.action_type
       WHEN '${settingActions.principals}' THEN jsonb_build_array(${p}.parameters::jsonb -> 'id') || coalesce(${p}.parameters::jsonb -> 'linkedIdentities', '[]')
       WHEN '${settingActions.delegations}' THEN jsonb_build_array(${p}.parameters::jsonb -> 'delegate')
       WHEN '${settingActions.switches}' THEN CASE
         WHEN ${p}.parameters::jsonb @> '{"scope": "agent", "name": "all"}' THEN to_jsonb(ARRAY(SELECT exequatur.behind_agents()))
         WHEN ${p}.parameters::jsonb ->> 'scope' IN ('principal', 'agent') THEN jsonb_build_array(${p}.parameters::jsonb -> 'name') END END) c(id)) u(b) ORDER BY 1))`;

/** SQL for whether a proposal row `p` is in no final state, as the indexes of open proposals say it. */
export const isOpen = (p: string): string => `${p}.status NOT IN (${finalStatuses.map((status) => `'${status}'`).join(', ')})`;

/** SQL for one proposal as a JSON object of the shape above. */
export const proposalJson = (p: string): string => `jsonb_build_object(
  'id', ${p}.id, 'status', ${p}.status, 'actionType', ${p}.action_type, 'actionTypeVersion', ${p}.action_type_version,
  'ontologyVersion', ${p}.ontology_version, 'justification', ${p}.justification, 'proposerId', ${p}.proposer_id, 'proposerKind', ${p}.proposer_kind,
  'proposerRoles', to_jsonb(${p}.proposer_roles), 'actsFor', ${p}.acts_for, 'behind', ${behind(p)}, 'revision', ${p}.revision, 'revisionSeed', ${p}.revision_seed,
  'evaluatedAt', ${isoTime(`${p}.evaluated_at`)}, 'planId', ${p}.plan_id, 'planDigest', ${p}.plan_digest, 'expiresAt', ${isoTime(`${p}.expires_at`)},
  'revertOf', ${p}.revert_of, 'skipsConflicts', ${p}.skips_conflicts, 'executeAfter', ${isoTime(`${p}.execute_after`)}, 'heldUntil', ${isoTime(`${p}.held_until`)}, 'heldBy', ${p}.held_by, 'failure', ${p}.failure, 'statusTimestamps', ${p}.status_timestamps,
  'createdAt', ${isoTime(`${p}.created_at`)}, 'updatedAt', ${isoTime(`${p}.updated_at`)})`;

const lockOne = `SELECT ${proposalJson('p')} AS proposal, ${isoTime('exequatur.clock()')} AS now
  FROM (SELECT * FROM exequatur.proposal WHERE id = $1::uuid FOR UPDATE) p`;

/**
 * Locks the proposal's row until the transaction ends: the first lock in the order of locks. Reviews, withdrawals, expiry and execution of one proposal therefore
 * happen one after another. The clock is asked after the lock is held, so that a wait for the lock counts.
 */
export async function lockProposal(tx: Sql, proposalId: string): Promise<LockedProposal | null> {
  const [row] = await tx.rows<{ proposal: ProposalRow; now: string }>(lockOne, [proposalId]);
  return row === undefined ? null : { ...row.proposal, now: row.now };
}

/**
 * How long after its time an approved proposal may still begin its execution: whoever approved it in the last moment was told that it is approved. Equal to
 * exequatur.execution_grace().
 */
export const executionGraceMs = 60_000;

/** True once the proposal's time has run out; at that very instant it has. What was approved in time has a little longer. */
export function hasExpired(proposal: LockedProposal): boolean {
  if (proposal.status !== 'approved') return proposal.now >= proposal.expiresAt;
  return Date.parse(proposal.now) >= Date.parse(proposal.expiresAt) + executionGraceMs;
}
