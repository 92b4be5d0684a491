import type pg from 'pg';

/** What the database says became of the proposals of an action type, beside what clients were told. */
export interface Outcomes {
  accepted: number;
  /** Accepted, and executed. */
  executed: number;
  /** Accepted, and not executed: lost for whoever was told that they were accepted. */
  lost: number;
  /** On record, though nobody was told that they were accepted. */
  unasked: number;
  /** Executions beyond one of each proposal. */
  doubled: number;
}

export async function countOutcomes(superuser: pg.Pool, actionType: string, accepted: readonly string[]): Promise<Outcomes> {
  const { rows } = await superuser.query<Omit<Outcomes, 'accepted' | 'lost'>>(
    `WITH told AS (SELECT unnest($2::uuid[]) AS id),
          stored AS (SELECT p.id, p.status, p.id IN (SELECT id FROM told) AS told FROM exequatur.proposal p WHERE p.action_type = $1)
     SELECT (SELECT count(*)::int FROM stored WHERE told AND status = 'executed') AS executed,
            (SELECT count(*)::int FROM stored WHERE NOT told) AS unasked,
            (SELECT (count(*) - count(DISTINCT e.proposal_id))::int FROM exequatur.execution e JOIN stored s ON s.id = e.proposal_id) AS doubled`,
    [actionType, accepted],
  );
  const counted = rows[0] ?? { executed: 0, unasked: 0, doubled: 0 };
  return { accepted: accepted.length, lost: accepted.length - counted.executed, ...counted };
}
