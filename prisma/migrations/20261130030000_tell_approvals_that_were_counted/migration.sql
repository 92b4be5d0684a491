-- The entry of an execution says which approvals it went by, and whoever verifies the log counts them again. They are those that the door counted and used up for it:
-- the login that writes the entry cannot name another.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION refuse_uncounted_approvals() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  told jsonb := convert_from(NEW.payload, 'UTF8')::jsonb;
BEGIN
  IF EXISTS (SELECT FROM jsonb_path_query(told, '$.approvals[*].review') r
              WHERE NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = NEW.tenant_id AND c.review_id = (r #>> '{}')::uuid
                                   AND c.execution_id = (told ->> 'executionId')::uuid)) THEN
    RAISE EXCEPTION 'an audit entry names an approval that the door did not count' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_uncounted_approvals() FROM PUBLIC;
GRANT SELECT ON review_consumption TO {{audit_writer}};
CREATE TRIGGER approvals_are_counted BEFORE INSERT ON audit_entry FOR EACH ROW WHEN (NEW.type IN ('proposal.executed', 'execution.applied'))
  EXECUTE FUNCTION refuse_uncounted_approvals();
