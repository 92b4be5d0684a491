import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';

/** A plan that a proposal had, and when its simulation was stored. */
export interface PastPlan {
  digest: string;
  revision: number;
  simulatedAt: string;
}

/**
 * SQL for rows (at, id, digest, revision) of the plans that a proposal row `p` had, one for each time that another took the place of the one before: every simulation
 * leaves a read set, also one that came to a plan stored already.
 */
const plansOf = (p: string): string => `(
  SELECT s.created_at AS at, l.id, l.digest, l.revision, lag(l.id) OVER (ORDER BY s.created_at, s.simulation) AS previous
    FROM exequatur.plan l JOIN exequatur.read_set s ON s.tenant_id = l.tenant_id AND s.plan_id = l.id
   WHERE l.tenant_id = ${p}.tenant_id AND l.proposal_id = ${p}.id)`;

const mostShown = 20; // Of a proposal that goes stale again and again nobody reads all; the difference is told of older plans too.

/** SQL for the array of the newest plans of a proposal row `p`, oldest first. */
export const planHistoryJson = (p: string): string => `COALESCE((
  SELECT jsonb_agg(jsonb_build_object('digest', n.digest, 'revision', n.revision, 'simulatedAt', ${isoTime('n.at')}) ORDER BY n.at)
    FROM (SELECT h.* FROM ${plansOf(p)} h WHERE h.previous IS DISTINCT FROM h.id ORDER BY h.at DESC LIMIT ${mostShown}) n), '[]')`;

export interface PastPlanRow extends PastPlan {
  id: string;
}

/** All plans of a proposal, oldest first; the last is the current one. Empty where there is no such proposal or it has had no plan. Locks nothing. */
export async function readPlanHistory(tx: Sql, proposalId: string): Promise<PastPlanRow[]> {
  return tx.rows<PastPlanRow & Record<string, unknown>>(
    `SELECT h.id::text AS id, h.digest, h.revision::int AS revision, ${isoTime('h.at')} AS "simulatedAt"
       FROM exequatur.proposal p CROSS JOIN LATERAL ${plansOf('p')} h
      WHERE p.id = $1::uuid AND h.previous IS DISTINCT FROM h.id ORDER BY h.at`,
    [proposalId],
  );
}

/** The plan whose place this one takes, and how many approvals it had, which are void with it; null where it is the first. MUST run under the proposal's lock. */
export async function readReplaced(
  tx: Sql,
  proposalId: string,
  by: { revision: number; digest: string },
): Promise<{ digest: string; approvals: number } | null> {
  const [row] = await tx.rows<{ digest: string; approvals: number }>(
    `SELECT l.digest, (SELECT count(*)::int FROM (
              SELECT DISTINCT ON (v.reviewer_id) v.decision FROM exequatur.review v
               WHERE v.tenant_id = l.tenant_id AND v.proposal_id = l.proposal_id AND v.revision = l.revision AND v.digest = l.digest
                 AND v.created_at >= exequatur.counted_since(l.id)
               ORDER BY v.reviewer_id, v.created_at DESC, v.id DESC) n WHERE n.decision = 'approve') AS approvals
       FROM exequatur.plan l JOIN exequatur.read_set s ON s.tenant_id = l.tenant_id AND s.plan_id = l.id
      WHERE l.proposal_id = $1::uuid AND (l.revision, l.digest) <> ($2::int, $3) ORDER BY s.created_at DESC LIMIT 1`,
    [proposalId, by.revision, by.digest],
  );
  return row ?? null;
}
