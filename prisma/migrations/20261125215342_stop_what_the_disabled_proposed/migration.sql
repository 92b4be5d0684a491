-- Whoever is disabled proposes nothing, and what they proposed before is executed no more: standing is asked again at execution, of proposers as of approvers.
SET LOCAL search_path = exequatur, pg_catalog;

-- The first switch that stops what this principal proposed, and a principal who is disabled is as good as switched off: the proposer, or whom the proposer acts for.
-- A switch that stops a person stops all the person's identities, and what acts for any of them.
CREATE OR REPLACE FUNCTION stopped_by(action_type text, proposer text, kind text, acts_for text) RETURNS SETOF switch LANGUAGE sql STABLE AS $$
  SELECT * FROM (
    SELECT s.* FROM exequatur.switch s
     WHERE s.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND s.off
       AND (s.scope = 'tenant' OR (s.scope = 'actionType' AND s.name = stopped_by.action_type) OR (s.scope = 'agent' AND kind = 'agent' AND s.name IN ('all', proposer))
            OR (s.scope = 'principal'
                AND (s.name IN (proposer, acts_for)
                     OR EXISTS (SELECT FROM exequatur.principal a JOIN exequatur.principal b ON b.tenant_id = a.tenant_id AND b.person = a.person
                                 WHERE a.tenant_id = s.tenant_id AND a.id = s.name AND b.id IN (stopped_by.proposer, stopped_by.acts_for)))))
    UNION ALL
    SELECT p.tenant_id, 'principal', p.id, true, 'disabled', p.id, p.updated_at, NULL, NULL, NULL
      FROM exequatur.principal p
     WHERE p.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND p.disabled AND p.id IN (stopped_by.proposer, stopped_by.acts_for)
  ) stops
  ORDER BY scope, name LIMIT 1
$$;
