-- Since when reviews of a plan count is asked with the other plans of its proposal at hand: two questions said in the same words which these are.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION counted_since(plan uuid) RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  others uuid[] := ARRAY(SELECT x.id FROM exequatur.plan x WHERE x.tenant_id = tenant AND x.id <> counted_since.plan
                            AND x.proposal_id = (SELECT l.proposal_id FROM exequatur.plan l WHERE l.tenant_id = tenant AND l.id = counted_since.plan));
BEGIN
  IF others = '{}' THEN
    RETURN '-infinity';
  END IF;
  RETURN (
    SELECT coalesce(date_trunc('milliseconds', max(o.created_at)), '-infinity')
      FROM exequatur.read_set o
     WHERE o.tenant_id = tenant AND o.plan_id = ANY (others)
       AND o.created_at < (SELECT max(s.created_at) FROM exequatur.read_set s WHERE s.tenant_id = tenant AND s.plan_id = counted_since.plan));
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
