-- What the door and the logins ask in every execution, unchanged but for its language: PostgreSQL plans the body of a function in SQL for each query that calls it, and
-- that of one in PL/pgSQL once for each connection. Planning took longer than running.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION stands_behind(principal text, represented text) RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
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
  SELECT w.person FROM named n JOIN exequatur.principal w ON w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND w.id = n.id WHERE w.person IS NOT NULL;
END $$;

CREATE OR REPLACE FUNCTION held_by(action_type text, execute_after timestamptz) RETURNS TABLE (what text, until timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH now AS MATERIALIZED (SELECT clock() AS at)
  SELECT h.what, h.until FROM (
    SELECT 'executeAfter' AS what, held_by.execute_after AS until FROM now WHERE held_by.execute_after > now.at
    UNION ALL
    SELECT 'window/' || w.name, open_until(w, now.at) FROM now, freeze_window w
     WHERE w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND (w.action_type IS NULL OR w.action_type = held_by.action_type)
  ) h WHERE h.until IS NOT NULL ORDER BY h.until DESC, h.what LIMIT 1;
END $$;

CREATE OR REPLACE FUNCTION counted_since(plan uuid) RETURNS timestamptz LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN (
    SELECT coalesce(date_trunc('milliseconds', max(o.created_at)), '-infinity')
      FROM exequatur.plan l
      JOIN exequatur.plan x ON x.tenant_id = l.tenant_id AND x.proposal_id = l.proposal_id AND x.id <> l.id
      JOIN exequatur.read_set o ON o.tenant_id = x.tenant_id AND o.plan_id = x.id
     WHERE l.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND l.id = counted_since.plan
       AND o.created_at < (SELECT max(s.created_at) FROM exequatur.read_set s WHERE s.tenant_id = l.tenant_id AND s.plan_id = l.id));
END $$;
