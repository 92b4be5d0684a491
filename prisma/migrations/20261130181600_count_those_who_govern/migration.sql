-- What governs is approved by people with its role. The requirement that a plan has says whom an approval policy asks; which role a setting takes is no tenant's to drop.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Equal to settingRoles in ontology/setting-actions.ts. Null, which nobody holds, for what is no setting.
CREATE FUNCTION role_that_governs(action_type text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT CASE action_type WHEN '$changeOntology' THEN 'ontology-admin' WHEN '$changePolicies' THEN 'ontology-admin' WHEN '$subscribe' THEN 'ontology-admin'
                          WHEN '$switchOn' THEN 'operator' WHEN '$delegate' THEN 'access-admin' WHEN '$changePrincipal' THEN 'access-admin' END
$$;

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
     AND (SELECT c.review_id FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = g.id) IS NULL
     -- Whose review it is has the role, and has handed it over where a delegate gave it.
     AND (NOT governs(p.action_type) OR EXISTS (
           SELECT FROM standing_role s LEFT JOIN delegation x ON x.tenant_id = s.tenant_id AND x.id = g.delegation_id
            WHERE s.tenant_id = p.tenant_id AND s.principal_id = coalesce(g.on_behalf_of, g.reviewer_id) AND s.role = role_that_governs(p.action_type)
              AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock()) AND (x.roles IS NULL OR s.role = ANY (x.roles))));
END $$;

REVOKE EXECUTE ON FUNCTION role_that_governs(text) FROM PUBLIC;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
