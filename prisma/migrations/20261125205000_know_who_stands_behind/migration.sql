-- Who stands behind a principal is asked in one place, by the gate's facts and by the door: linked identities, whom they act for, and who acts for them.
SET LOCAL search_path = exequatur, pg_catalog;
CREATE INDEX principal_acting ON principal (tenant_id, acts_for) WHERE acts_for IS NOT NULL;

-- Ids and persons that are one side with a principal and with whom it represented: all their identities, whomever any of these acts for, over any number of hops, and
-- the people who act for one of them. Whoever is named here is nobody's second pair of eyes for that side.
CREATE FUNCTION stands_behind(principal text, represented text) RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH RECURSIVE side(id) AS (
    SELECT x.id FROM unnest(ARRAY[stands_behind.principal, represented]) x(id) WHERE x.id IS NOT NULL
    UNION
    SELECT n.id FROM side s
      JOIN exequatur.principal w ON w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND w.id = s.id
      CROSS JOIN LATERAL (SELECT w.acts_for AS id WHERE w.acts_for IS NOT NULL
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.person = w.person) n
  ), named AS (
    SELECT s.id FROM side s
    UNION
    SELECT o.id FROM side s JOIN exequatur.principal o ON o.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND o.acts_for = s.id AND o.kind = 'user'
  )
  SELECT n.id FROM named n
  UNION
  SELECT w.person FROM named n JOIN exequatur.principal w ON w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND w.id = n.id WHERE w.person IS NOT NULL
$$;
REVOKE EXECUTE ON FUNCTION stands_behind(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stands_behind(text, text) TO {{api}}, {{worker}}, {{door}};

-- The first switch that stops what this principal proposed. One that stops a person stops all the person's identities, and what acts for any of them.
CREATE OR REPLACE FUNCTION stopped_by(action_type text, proposer text, kind text, acts_for text) RETURNS SETOF switch LANGUAGE sql STABLE AS $$
  SELECT s.* FROM exequatur.switch s
   WHERE s.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND s.off
     AND (s.scope = 'tenant' OR (s.scope = 'actionType' AND s.name = stopped_by.action_type) OR (s.scope = 'agent' AND kind = 'agent' AND s.name IN ('all', proposer))
          OR (s.scope = 'principal'
              AND (s.name IN (proposer, acts_for)
                   OR EXISTS (SELECT FROM exequatur.principal a JOIN exequatur.principal b ON b.tenant_id = a.tenant_id AND b.person = a.person
                               WHERE a.tenant_id = s.tenant_id AND a.id = s.name AND b.id IN (stopped_by.proposer, stopped_by.acts_for)))))
   ORDER BY s.scope, s.name LIMIT 1
$$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Newest review of each person on this digest (of two at one instant the one that does not approve), if it approves, is not used up, and the person may count at
-- all: a human, not disabled, and nobody who stands behind the proposer, then or now.
CREATE OR REPLACE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT newest.id
    FROM (SELECT DISTINCT ON (coalesce(w.person, r.reviewer_id)) r.id, coalesce(w.person, r.reviewer_id) AS person, r.decision, w.kind, w.disabled
            FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
           WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest
           ORDER BY coalesce(w.person, r.reviewer_id), r.created_at DESC, r.decision = 'approve') newest
   WHERE newest.decision = 'approve' AND newest.kind = 'user' AND NOT newest.disabled
     AND newest.person NOT IN (SELECT stands_behind(p.proposer_id, p.acts_for))
     AND NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = newest.id)
$$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
