-- What acts for somebody stopped is stopped over any number of hops, as the directory knows them now and the proposal says of then; and so is what acts for a stopped agent.
SET LOCAL search_path = exequatur, pg_catalog;
CREATE OR REPLACE FUNCTION stopped_by(action_type text, proposer text, kind text, acts_for text) RETURNS SETOF switch LANGUAGE sql STABLE AS $$
  WITH RECURSIVE chain(id) AS (
    SELECT x.id FROM unnest(ARRAY[stopped_by.proposer, stopped_by.acts_for]) x(id) WHERE x.id IS NOT NULL
    UNION
    SELECT w.acts_for FROM chain c
      JOIN exequatur.principal w ON w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND w.id = c.id
     WHERE w.acts_for IS NOT NULL
  )
  SELECT * FROM (
    SELECT s.* FROM exequatur.switch s
     WHERE s.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND s.off
       AND ((NOT exequatur.governs(stopped_by.action_type) AND (s.scope = 'tenant' OR (s.scope = 'actionType' AND s.name = ANY (exequatur.members_of(stopped_by.action_type)))))
            OR (s.scope = 'agent'
                AND ((stopped_by.kind = 'agent' AND s.name IN ('all', stopped_by.proposer))
                     OR EXISTS (SELECT FROM chain c JOIN exequatur.principal w ON w.tenant_id = s.tenant_id AND w.id = c.id
                                 WHERE w.kind = 'agent' AND s.name IN ('all', w.id))))
            OR (s.scope = 'principal'
                AND (s.name IN (SELECT c.id FROM chain c)
                     OR EXISTS (SELECT FROM exequatur.principal a JOIN exequatur.principal b ON b.tenant_id = a.tenant_id AND b.person = a.person
                                 WHERE a.tenant_id = s.tenant_id AND a.id = s.name AND b.id IN (SELECT c.id FROM chain c)))))
    UNION ALL
    SELECT p.tenant_id, 'principal', p.id, true, 'disabled', p.id, p.updated_at
      FROM chain c JOIN exequatur.principal p ON p.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND p.id = c.id
     WHERE p.disabled OR EXISTS (SELECT FROM exequatur.principal z WHERE z.tenant_id = p.tenant_id AND z.person = p.person AND z.disabled)
  ) stops
  ORDER BY scope, name LIMIT 1
$$;
