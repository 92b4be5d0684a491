-- Whom an agent's tokens name last stays on its side, whatever administrators say of whom it acts for: both are who could have asked for what it proposes.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE principal ADD COLUMN token_acts_for text;
CREATE INDEX principal_claimed ON principal (tenant_id, token_acts_for) WHERE token_acts_for IS NOT NULL;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, by what tokens say as well.
CREATE OR REPLACE FUNCTION stands_behind(principal text, represented text) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
BEGIN
  -- No link leads from these two, and none to them but of agents for whom nobody acts, and who review nothing: they are all there is on their side.
  IF NOT EXISTS (SELECT FROM exequatur.principal w
                  WHERE w.tenant_id = tenant AND w.id IN (stands_behind.principal, represented)
                    AND (w.acts_for IS NOT NULL OR w.token_acts_for IS NOT NULL OR w.person IS NOT NULL))
     AND NOT EXISTS (SELECT FROM exequatur.principal o
                      WHERE o.tenant_id = tenant
                        AND (o.acts_for IN (stands_behind.principal, represented) OR o.token_acts_for IN (stands_behind.principal, represented))
                        AND (o.kind = 'user' OR o.person IS NOT NULL
                             OR EXISTS (SELECT FROM exequatur.principal x WHERE x.tenant_id = tenant AND (x.acts_for = o.id OR x.token_acts_for = o.id)))) THEN
    RETURN QUERY SELECT DISTINCT x.id FROM unnest(ARRAY[stands_behind.principal, represented]) x(id) WHERE x.id IS NOT NULL;
    RETURN;
  END IF;
  RETURN QUERY
  WITH RECURSIVE side(id) AS (
    SELECT x.id FROM unnest(ARRAY[stands_behind.principal, represented]) x(id) WHERE x.id IS NOT NULL
    UNION
    SELECT n.id FROM side s
      JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = s.id
      CROSS JOIN LATERAL (SELECT w.acts_for AS id WHERE w.acts_for IS NOT NULL
                          UNION ALL
                          SELECT w.token_acts_for WHERE w.token_acts_for IS NOT NULL
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.person = w.person) n
  ), named AS (
    SELECT s.id FROM side s
    UNION
    SELECT n.id FROM named m
      JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = m.id
      CROSS JOIN LATERAL (SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.acts_for = w.id
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.token_acts_for = w.id
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.person = w.person) n
  )
  SELECT n.id FROM named n
  UNION
  SELECT w.person FROM named n JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = n.id WHERE w.person IS NOT NULL;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
