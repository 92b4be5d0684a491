-- Policies may go by what a plan touches also where it writes nothing: what they look at stays so until the execution commits.
SET LOCAL search_path = exequatur, pg_catalog;
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The locks of types that the door takes for this plan, in its order, before it is called. MUST be asked under the proposal's lock and that of the control row.
CREATE FUNCTION hold_types(plan uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET work_mem = '64MB' SET jit = off AS $$
DECLARE
  p proposal;
BEGIN
  SELECT x.* INTO p FROM proposal x WHERE x.tenant_id = current_tenant()
     AND x.id = (SELECT y.proposal_id FROM exequatur.plan y WHERE y.tenant_id = current_tenant() AND y.id = hold_types.plan) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such plan' USING ERRCODE = 'XQ003';
  END IF;
  PERFORM lock_types(p, plan, shapes_of(edits_of(approved_text(p, plan))));
END $$;

REVOKE EXECUTE ON FUNCTION hold_types(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_types(uuid) TO {{worker}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
