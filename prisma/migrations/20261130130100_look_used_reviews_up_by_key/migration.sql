-- Whether a review is used up is looked up by its key, as a value and not as a set. As NOT EXISTS the planner was free to join the two the other way round, and did: without statistics
-- of what a function returns it expects a thousand reviews, and so every execution read the used reviews of all executions before it, twice.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION refuse_uncounted_approvals() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  told jsonb := convert_from(NEW.payload, 'UTF8')::jsonb;
BEGIN
  IF EXISTS (SELECT FROM jsonb_path_query(told, '$.approvals[*].review') r
              WHERE (SELECT c.execution_id FROM review_consumption c WHERE c.tenant_id = NEW.tenant_id AND c.review_id = (r #>> '{}')::uuid)
                    IS DISTINCT FROM (told ->> 'executionId')::uuid
                 OR told ->> 'executionId' IS NULL) THEN
    RAISE EXCEPTION 'an audit entry names an approval that the door did not count' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NEW;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Otherwise unchanged.
CREATE OR REPLACE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of, r.delegation_id,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND NOT w.disabled AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user' AND NOT o.disabled, false)) AS is_fit
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'approve' AND g.is_fit AND g.created_at > approvals_since(p.plan_id)
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND (n.decision <> 'approve' OR n.id > g.id))))
     AND NOT g.parties && ARRAY(SELECT stands_behind(p.proposer_id, p.acts_for))
     AND (g.delegation_id IS NULL OR delegation_holds(g.delegation_id, g.on_behalf_of, g.reviewer_id, p.action_type))
     AND (SELECT c.review_id FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = g.id) IS NULL;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
