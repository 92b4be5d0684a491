-- An approval may land milliseconds before the proposal's time runs out, and its reviewer is told `approved`. Such a proposal has a while to begin its execution.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Equal to executionGraceMs in store/proposal-row.ts. Long enough for a worker that is restarted meanwhile, short enough that what expired is not executed by surprise.
CREATE FUNCTION execution_grace() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '60 seconds' $$;

-- approved | scheduled -> executing. Locks the proposal's row. Writes no event: the caller announces it in the same transaction.
CREATE OR REPLACE FUNCTION begin_execution(proposal uuid, execution uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  was text;
  expiry timestamptz;
BEGIN
  SELECT p.status, p.expires_at INTO was, expiry FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = begin_execution.proposal FOR UPDATE;
  -- The clock is asked after the lock, so a transaction that was held until the time had run out does not pass. That it was approved in time was settled under this lock.
  IF was IS NULL OR was NOT IN ('approved', 'scheduled') OR expiry + (CASE was WHEN 'approved' THEN execution_grace() ELSE '0' END) <= clock() THEN
    RAISE EXCEPTION 'an execution begins from approved or scheduled, in time, not from %', coalesce(was, 'nothing') USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p
     SET status = 'executing', updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object('executing', stamp(c.now))
    FROM (SELECT clock() AS now) c
   WHERE p.tenant_id = current_tenant() AND p.id = begin_execution.proposal;
END $$;

REVOKE EXECUTE ON FUNCTION execution_grace() FROM PUBLIC;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
