-- That edits were applied or taken back is said by the doors that do it, as that a plan was executed is: no login may append such an entry by itself.
GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION append_audit(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM jsonb_array_elements(entries) e WHERE e ->> 'type' IN ('proposal.executed', 'execution.applied', 'execution.undone')) THEN
    RAISE EXCEPTION 'the door alone says what became of an execution' USING ERRCODE = 'XQ015';
  END IF;
  RETURN append_entries(entries);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
