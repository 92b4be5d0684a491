import type { Actor } from '../ontology/authority.ts';
import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';
import { actorJson, rolesInForce } from './standing.ts';

export interface DelegationView {
  id: string;
  delegator: string;
  delegate: string;
  /** Null: all. */
  actionTypes: string[] | null;
  roles: string[] | null;
  startsAt: string;
  endsAt: string;
  reason: string;
  state: 'coming' | 'holds' | 'ended' | 'revoked';
  grantedBy: string;
  grantedAt: string;
  revokedBy: string | null;
  revokedAt: string | null;
}

/** SQL for one delegation row `d` as clients see it. */
const delegationJson = (d: string): string => `jsonb_build_object('id', ${d}.id, 'delegator', ${d}.delegator, 'delegate', ${d}.delegate,
  'actionTypes', to_jsonb(${d}.action_types), 'roles', to_jsonb(${d}.roles), 'startsAt', ${isoTime(`${d}.starts_at`)}, 'endsAt', ${isoTime(`${d}.ends_at`)},
  'reason', ${d}.reason, 'grantedBy', ${d}.granted_by, 'grantedAt', ${isoTime(`${d}.granted_at`)},
  'revokedBy', ${d}.revoked_by, 'revokedAt', ${isoTime(`${d}.revoked_at`)},
  'state', CASE WHEN ${d}.revoked_at IS NOT NULL THEN 'revoked' WHEN ${d}.ends_at <= exequatur.clock() THEN 'ended'
                WHEN ${d}.starts_at > exequatur.clock() THEN 'coming' ELSE 'holds' END)`;

export async function readDelegation(tx: Sql, id: string): Promise<DelegationView | null> {
  const [row] = await tx.rows<{ view: DelegationView }>(
    `SELECT ${delegationJson('d')} AS view FROM exequatur.delegation d WHERE d.id = $1`,
    [id],
  );
  return row?.view ?? null;
}

/** More of them at once would be a tenant without reviewers of its own. */
const mostListed = 1_000;

/** Those that are over left out, by id. */
export async function listDelegations(tx: Sql): Promise<{ delegations: DelegationView[]; truncated: boolean }> {
  const rows = await tx.rows<{ view: DelegationView }>(
    `SELECT ${delegationJson('d')} AS view FROM exequatur.delegation d WHERE d.revoked_at IS NULL AND d.ends_at > exequatur.clock() ORDER BY d.id LIMIT ${mostListed + 1}`,
  );
  return { delegations: rows.slice(0, mostListed).map(({ view }) => view), truncated: rows.length > mostListed };
}

/** SQL for those of the delegator's roles, in force where nothing else is said, that a delegation lets the delegate use; `p` is the delegator's row, `id` an expression for the delegation's. */
export const rolesDelegated = (p: string, id: string, roles = rolesInForce(p)): string => `ARRAY(
  SELECT s FROM unnest(${roles}) s, exequatur.delegation x WHERE x.tenant_id = ${p}.tenant_id AND x.id = ${id} AND (x.roles IS NULL OR s = ANY (x.roles)) ORDER BY s)`;

export interface Standing {
  delegationId: string;
  /** The delegator, with the roles that the delegation is for, and with all. */
  delegator: Actor;
  delegate: string;
}

/** What lets delegates review this proposal now: all of it, or that of one delegate on one behalf. */
export async function readDelegates(tx: Sql, proposalId: string, only?: { delegator: string; delegate: string }): Promise<Standing[]> {
  return tx.rows<Standing & Record<string, unknown>>(
    `SELECT d.id AS "delegationId", d.delegate, ${actorJson('q')} || jsonb_build_object('roles', to_jsonb(${rolesDelegated('q', 'd.id')}), 'allRoles', to_jsonb(${rolesInForce('q')})) AS delegator
       FROM exequatur.proposal p, exequatur.delegation d JOIN exequatur.principal q ON q.tenant_id = d.tenant_id AND q.id = d.delegator
      WHERE p.id = $1::uuid AND d.revoked_at IS NULL AND ($2::text IS NULL OR d.delegator = $2) AND ($3::text IS NULL OR d.delegate = $3)
        AND exequatur.delegation_holds(d.id, d.delegator, d.delegate, p.action_type) ORDER BY d.delegate, d.delegator, d.id`,
    [proposalId, only?.delegator ?? null, only?.delegate ?? null],
  );
}
