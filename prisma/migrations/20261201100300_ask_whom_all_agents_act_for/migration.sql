-- A switch over all agents concerns whoever stands behind any of them: it stops what they ask for, and they do not approve that it is on again.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Whose sides, taken together, are those of all agents: of one with whom nobody is linked, and for whom nobody acts, the side is that of whomever it acts for. So there are about as
-- many as there are people, however many agents act for them.
CREATE FUNCTION behind_agents() RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := current_tenant();
BEGIN
  RETURN QUERY
  SELECT DISTINCT x.id FROM principal w
    CROSS JOIN LATERAL (SELECT w.acts_for AS id
                        UNION ALL
                        SELECT w.token_acts_for
                        UNION ALL
                        SELECT w.id WHERE w.person IS NOT NULL
                           OR EXISTS (SELECT FROM principal o WHERE o.tenant_id = tenant AND o.acts_for = w.id)
                           OR EXISTS (SELECT FROM principal o WHERE o.tenant_id = tenant AND o.token_acts_for = w.id)) x
   WHERE w.tenant_id = tenant AND w.kind = 'agent' AND x.id IS NOT NULL;
END $$;
REVOKE EXECUTE ON FUNCTION behind_agents() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION behind_agents() TO {{api}}, {{worker}};

-- As before, and of a switch over all agents.
CREATE OR REPLACE FUNCTION concerned_by(edit plan_edit) RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN QUERY
  SELECT DISTINCT b.id FROM unnest(CASE edit.type
           WHEN '$delegation' THEN ARRAY[edit.set ->> 'delegator', edit.set ->> 'delegate']
           WHEN '$principal' THEN edit.id || ARRAY(SELECT jsonb_array_elements_text(edit.set -> 'change' -> 'linkedIdentities'))
           WHEN '$switch' THEN CASE edit.id WHEN 'agent/all' THEN ARRAY(SELECT behind_agents())
                                            ELSE ARRAY(SELECT substring(edit.id FROM '^(?:principal|agent)/(.*)$')) END END) c(id)
    CROSS JOIN LATERAL stands_behind(c.id, NULL) b(id);
END $$;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
