-- What counts as an approval, unchanged but for its language: the body of a function in PL/pgSQL is planned once for each connection, that of one in SQL at every call.
SET LOCAL search_path = exequatur, pg_catalog;

-- Approvals of this plan that are no younger than this have lapsed. The plan's requirement says how long they last, and is covered by its digest. Null without such a plan.
CREATE OR REPLACE FUNCTION approvals_since(plan uuid) RETURNS timestamptz LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN (
    SELECT coalesce(clock() - (l.requirement ->> 'approvalsLast')::interval, '-infinity')
      FROM exequatur.plan l WHERE l.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND l.id = approvals_since.plan);
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Newest review of each person on this digest since it last became the proposal's (of two at one instant the one that does not approve), if it approves, has not lapsed, is not used up,
-- and the person may count at all: a human, not disabled, and nobody who stands behind the proposer, then or now.
CREATE OR REPLACE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT newest.id
    FROM (SELECT DISTINCT ON (coalesce(w.person, r.reviewer_id)) r.id, coalesce(w.person, r.reviewer_id) AS person, r.decision, r.created_at, w.kind, w.disabled
            FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
           WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
           ORDER BY coalesce(w.person, r.reviewer_id), r.created_at DESC, r.decision = 'approve') newest
   WHERE newest.decision = 'approve' AND newest.created_at > approvals_since(p.plan_id) AND newest.kind = 'user' AND NOT newest.disabled
     AND newest.person NOT IN (SELECT stands_behind(p.proposer_id, p.acts_for))
     AND NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = newest.id);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
