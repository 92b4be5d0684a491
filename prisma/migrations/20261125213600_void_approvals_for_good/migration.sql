-- An approval is void once another plan has taken its plan's place, and stays so when the first plan comes back: whoever gave it was told that it no longer counts.
SET LOCAL search_path = exequatur, pg_catalog;

-- Since when reviews of a plan count: since another plan was the proposal's before it. In milliseconds, as reviews say their time; both are told under the proposal's lock.
CREATE FUNCTION counted_since(plan uuid) RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce(date_trunc('milliseconds', max(o.created_at)), '-infinity')
    FROM exequatur.plan l
    JOIN exequatur.plan x ON x.tenant_id = l.tenant_id AND x.proposal_id = l.proposal_id AND x.id <> l.id
    JOIN exequatur.read_set o ON o.tenant_id = x.tenant_id AND o.plan_id = x.id
   WHERE l.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND l.id = counted_since.plan
     AND o.created_at < (SELECT max(s.created_at) FROM exequatur.read_set s WHERE s.tenant_id = l.tenant_id AND s.plan_id = l.id)
$$;
REVOKE EXECUTE ON FUNCTION counted_since(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION counted_since(uuid) TO {{api}}, {{worker}}, {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Newest review of each person on this digest since it last became the proposal's (of two at one instant the one that does not approve), if it approves, is not used up,
-- and the person may count at all: a human, not disabled, and nobody who stands behind the proposer, then or now.
CREATE OR REPLACE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT newest.id
    FROM (SELECT DISTINCT ON (coalesce(w.person, r.reviewer_id)) r.id, coalesce(w.person, r.reviewer_id) AS person, r.decision, w.kind, w.disabled
            FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
           WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
           ORDER BY coalesce(w.person, r.reviewer_id), r.created_at DESC, r.decision = 'approve') newest
   WHERE newest.decision = 'approve' AND newest.kind = 'user' AND NOT newest.disabled
     AND newest.person NOT IN (SELECT stands_behind(p.proposer_id, p.acts_for))
     AND NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = newest.id)
$$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
