-- A denial counts as long as its plan waits, whatever becomes of who gave it: by the roles that they had then or since, also once they are disabled, or a delegation has ended.
-- Whoever administers the directory alone could else take it away. Its reviewers take it back themselves, by another review.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, and neither disabling nor the end of a delegation takes one away.
CREATE OR REPLACE FUNCTION denying_reviews(p exequatur.proposal)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM review r WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.decision = 'reject') THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user', false)) AS is_human
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'reject' AND g.is_human
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND n.decision <> 'approve' AND n.id > g.id)))
     AND NOT g.parties && ARRAY(SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for));
END $$;

-- As before, of a denial by the roles that its reviewer had when they gave it, or at any time since.
CREATE OR REPLACE FUNCTION given_reviews(p exequatur.proposal, reviews uuid[], conditions text, by_team boolean)
 RETURNS TABLE(review uuid, person text, delegate text, roles text[], speaks_for text[])
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
  SELECT r.id, coalesce(q.person, q.id), CASE WHEN r.on_behalf_of IS NOT NULL THEN coalesce(d.person, d.id) END,
         ARRAY(SELECT DISTINCT s.role COLLATE "C" FROM standing_role s
                WHERE s.tenant_id = q.tenant_id AND s.principal_id = q.id AND (s.removed_at IS NULL OR (r.decision = 'reject' AND s.removed_at > r.created_at))
                  AND (s.expires_at IS NULL OR s.expires_at > CASE r.decision WHEN 'reject' THEN r.created_at ELSE clock() END)
                  AND (x.roles IS NULL OR s.role = ANY (x.roles))
                  AND (strpos(conditions, to_json(s.role)::text) > 0 OR strpos(conditions, '''' || s.role || '''') > 0)
                ORDER BY 1),
         CASE WHEN by_team THEN q.teams ELSE '{}' END
    FROM review r
    JOIN principal q ON q.tenant_id = r.tenant_id AND q.id = coalesce(r.on_behalf_of, r.reviewer_id)
    JOIN principal d ON d.tenant_id = r.tenant_id AND d.id = r.reviewer_id
    LEFT JOIN delegation x ON x.tenant_id = r.tenant_id AND x.id = r.delegation_id
   WHERE r.tenant_id = p.tenant_id AND r.id = ANY (reviews) ORDER BY r.created_at, r.id
$$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
