-- The keys of effects name the plan, so that a receiver never takes a request of one plan for that of another: store/saga/idempotency-key.ts. What was begun without keeps its keys, or
-- an attempt whose answer was lost would be made again under another. A worker from before says nothing, and begins as it goes on.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE saga ADD COLUMN keys_name_plan boolean NOT NULL DEFAULT false;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION begin_saga(proposal uuid, keys_name_plan boolean) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  number int := begin_saga(proposal);
BEGIN
  UPDATE saga s SET keys_name_plan = begin_saga.keys_name_plan WHERE s.tenant_id = current_tenant() AND s.proposal_id = begin_saga.proposal AND s.run = number;
  RETURN number;
END $$;
REVOKE EXECUTE ON FUNCTION begin_saga(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION begin_saga(uuid, boolean) TO {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
